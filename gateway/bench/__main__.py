"""The public API's figures: `python -m gateway.bench [--short] [--full] [--members N]`; writes docs/bench-api.md.

Ten thousand trading members with ten tags each; every operation at 1, 16 and 64 connections with p50, p95 and p99; the
payments straight at the ledger in the same run; how late the event loop is while people log in; and the gateway's own
share of the processor's time. The client runs on the same machine and takes its part of it.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from gateway.bench import report
from gateway.bench.alone import alone
from gateway.bench.load import Connect, Connection, Measured, Operation, measure, over_tcp
from gateway.bench.operations import LOGINS, PAYMENTS, direct, operations
from gateway.bench.report import Part
from libs.common import logs
from tests.bench.seeding import Community, Doors, doors_of, settle
from tests.e2e.conftest import VARIABLES
from tests.e2e.running import Running, Servers, embedded, full

CONNECTIONS = (1, 16, 64)
QUIET_SHARE = 0.1
LOOK_EVERY_S = 0.005
WARM_UP_S = 0.5
NO_LIMIT = {
    "MCCS_RATE_PER_MINUTE": "1000000",
    "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX": "1000000",
    "MCCS_LOG_LEVEL": "warning",
}


def cpu_s(pid: int) -> float:
    """Processor time of one process so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def node_cpu_s(node: Running) -> float:
    """Processor time of a node's processes that live."""
    assert node.process is not None
    total = cpu_s(node.process.pid)
    for each in psutil.Process(node.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += cpu_s(each.pid)
    return total


async def run(part: Part, node: Running, community: Community, doors: Doors, identity: Connect, seconds: float) -> None:
    """The whole table."""
    gateway = over_tcp(node.address)
    through, beside = operations(community), direct(community, doors.ledger_prefix)
    rates: dict[int, float] = {}
    for name, operation in through.items():
        await measure(gateway, operation, connections=4, seconds=WARM_UP_S)
        for connections in CONNECTIONS:
            before = node_cpu_s(node)
            if name == LOGINS:
                measured = await _logins(part, gateway, operation, identity, connections, seconds)
            else:
                measured = await measure(gateway, operation, connections=connections, seconds=seconds)
            part.add(name, connections, measured, node_cpu_s(node) - before)
            if name == PAYMENTS:
                rates[connections] = measured.rate
    for connections in CONNECTIONS[1:]:
        before = node_cpu_s(node)
        measured = await measure(doors.ledger, beside[PAYMENTS], connections=connections, seconds=seconds)
        part.add("the same payments straight at the ledger", connections, measured, node_cpu_s(node) - before)
        share = rates[connections] / measured.rate if measured.rate else 0
        part.say(f"Payments through v1 to straight, {connections} connections: {share:.2f} (reach 0.5)")
    for name in ("balance", "GET /transfers"):
        pid = _gateways_pid(node)
        with_gateway = await _cost(gateway, through[name], pid, seconds)
        without = await _cost(doors.ledger, beside[name], pid, seconds)
        if with_gateway is None or without is None:
            part.say(f"The gateway's share of `{name}` cannot be told: its process had other work at the same time")
            continue
        part.say(
            f"Processor time of the gateway's process for `{name}`: {with_gateway:.0f} µs a call through the gateway, "
            f"{without:.0f} µs straight at the ledger; difference {with_gateway - without:.0f} µs (reach 300)"
        )


async def _logins(
    part: Part, gateway: Connect, operation: Operation, identity: Connect, connections: int, seconds: float
) -> Measured:
    """Logins, and beside them a look every few milliseconds at how soon the process that hashes answers."""
    before = await _looks(identity, asyncio.sleep(min(seconds, 1.0)))
    found: list[Measured] = []

    async def log_in() -> None:
        found.append(await measure(gateway, operation, connections=connections, seconds=seconds))

    beside = await _looks(identity, log_in())
    part.say(
        f"While {connections} log in, the process that hashes answers `GET /health/live` (every {LOOK_EVERY_S * 1000:.0f} ms, "
        f"{len(beside.calls)} times) within {_late(beside)}; just before, with nobody logging in, within {_late(before)}. "
        "Its event loop was late by no more than that (reach 20); waiting for a core and the client's own time are in it"
    )
    return found[0]


def _late(looks: Measured) -> str:
    return f"p50 {looks.at(0.5):.1f}, p99 {looks.at(0.99):.1f}, at most {looks.at(1.0):.1f} ms"


async def _looks(identity: Connect, work: Awaitable[None]) -> Measured:
    """How long each look took while the work was done."""
    seen = Measured()
    looking = asyncio.create_task(_look(identity, seen.calls))
    try:
        await work
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return seen


async def _look(identity: Connect, looks: list[float]) -> None:
    connection = Connection(*await identity())
    try:
        while True:
            began = time.perf_counter()
            await connection.ask("GET", "/health/live")
            looks.append(time.perf_counter() - began)
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        connection.close()


def _gateways_pid(node: Running) -> int:
    assert node.process is not None
    children = psutil.Process(node.process.pid).children(recursive=True)
    return next((each.pid for each in children if "gateway" in each.cmdline()), node.process.pid)


async def _cost(connect: Connect, operation: Operation, pid: int, seconds: float) -> float | None:
    """Microseconds of processor time of this process for one operation, what it uses at rest taken off; None where it
    does not come to rest."""
    at_rest = await _at_rest(pid, 1.0)
    if at_rest >= QUIET_SHARE:
        return None
    before = cpu_s(pid)
    measured = await measure(connect, operation, connections=4, seconds=max(seconds, 2.0))
    used = cpu_s(pid) - before - at_rest * measured.took_s
    return used / max(1, len(measured.calls)) * 1e6


async def _at_rest(pid: int, lasts: float) -> float:
    """What the process uses a second when nobody asks it anything, after the work that was left over is done."""
    for _ in range(10):
        before = cpu_s(pid)
        await asyncio.sleep(lasts)
        share = (cpu_s(pid) - before) / lasts
        if share < QUIET_SHARE:
            break
    return share


def _measured(part: Part, node: Running, count: int, seconds: float, *, is_embedded: bool) -> None:
    node.start()
    try:
        began = time.monotonic()
        doors = doors_of(node, embedded=is_embedded)
        community = settle(node, doors, count)
        part.say(f"{len(community.ids):,} members were there after {time.monotonic() - began:.0f} s")
        identity = over_tcp(node.address if is_embedded else node.environment["MCCS_IDENTITY_API_URL"])
        asyncio.run(run(part, node, community, doors, identity, seconds))
    finally:
        node.stop()


def _full(folder: Path) -> Running:
    servers = Servers(**{name: os.environ[variable] for name, variable in VARIABLES.items()})
    return full(folder, servers, **NO_LIMIT)


def main() -> None:
    """The embedded node always, the full set with `--full` and the addresses of real servers."""
    parser = argparse.ArgumentParser(prog="python -m gateway.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one second each, few members, no page")
    parser.add_argument("--full", action="store_true", help="also every service by itself with real servers")
    parser.add_argument("--only-full", action="store_true", help="real servers alone")
    parser.add_argument("--members", type=int, default=0, help="how many members there are (default 10000, short 40)")
    parser.add_argument("--seconds", type=float, default=0, help="how long each figure is taken (default 3, short 1)")
    given = parser.parse_args()
    logs.start("bench", level="warning")
    by_itself = asyncio.run(alone())
    count, seconds = given.members or (40 if given.short else 10_000), given.seconds or (1.0 if given.short else 3.0)
    ways: list[tuple[str, Callable[[Path], Running]]] = []
    if not given.only_full:
        ways.append(("embedded", lambda folder: embedded(folder, **NO_LIMIT)))
    if given.full or given.only_full:
        ways.append(("full", _full))
    titles = {"embedded": "One process with embedded stores", "full": "Every service by itself with real servers"}
    for kind, make in ways:
        part = Part(titles[kind], " ".join(["python -m gateway.bench", *sys.argv[1:]]))
        print(f"{part.title}, {count} members, {seconds:g} s each:", flush=True)
        with tempfile.TemporaryDirectory(prefix="mccs-bench-") as folder:
            _measured(part, make(Path(folder)), count, seconds, is_embedded=kind == "embedded")
        if not given.short:
            report.write(part, by_itself)


if __name__ == "__main__":
    main()
