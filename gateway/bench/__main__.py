"""The public API's figures: `python -m gateway.bench [--short] [--full] [--members N]`; writes docs/bench-api.md.

Ten thousand trading members with ten tags each; every operation at 1, 16 and 64 connections with p50, p95 and p99; the
payments straight at the ledger in the same run; how late the event loop is while people log in; and the gateway's own
share of the processor's time. The client runs on the same machine and takes its part of it.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway.bench import report
from gateway.bench.alone import alone
from gateway.bench.lateness import logins
from gateway.bench.load import Connect, Measured, Operation, measure, over_tcp
from gateway.bench.operations import LOGINS, PAYMENTS, STRAIGHT, direct, operations
from gateway.bench.processes import REST_SHARE, REST_WITHIN_S, Processes, between, shares, told
from gateway.bench.report import Part
from libs.common import logs
from tests.bench.seeding import Community, Doors, doors_of, settle
from tests.e2e.conftest import VARIABLES
from tests.e2e.running import Running, Servers, embedded, full

CONNECTIONS = (1, 16, 64)
WARM_UP_S = 0.5
PAYMENT_TURNS = 2
SHARE_CONNECTIONS, SHARE_ROUNDS = 16, 5
"""How the gateway's share is taken: the least of several rounds is what others on the machine disturbed least."""
HASHING_WITHIN_S = 120.0
NO_LIMIT = {
    "MCCS_RATE_PER_MINUTE": "1000000",
    "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX": "1000000",
    "MCCS_LOG_LEVEL": "warning",
}


def cpu_s(pid: int) -> float:
    """Processor time of one process so far."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


async def run(part: Part, node: Running, community: Community, doors: Doors, identity: Connect, seconds: float) -> None:
    """The whole table. Every operation finds the node at rest."""
    gateway, processes = over_tcp(node.address), Processes(node)
    through, beside = operations(community), direct(community, doors.ledger_prefix)
    for name, operation in through.items():
        await measure(gateway, operation, connections=4, seconds=WARM_UP_S)
        for connections in CONNECTIONS:
            if name == PAYMENTS:
                await _payments(
                    part, processes, (gateway, operation), (doors.ledger, beside[name]), connections, seconds
                )
                continue
            await _rest(part, processes)
            if name == LOGINS:
                measured, used_s = await logins(
                    part,
                    gateway,
                    operation,
                    through["balance"],
                    identity=identity,
                    pid=processes.pid("identity"),
                    spent_s=processes.own_s,
                    connections=connections,
                    seconds=seconds,
                )
            else:
                before = processes.own_s()
                measured = await measure(gateway, operation, connections=connections, seconds=seconds)
                used_s = processes.own_s() - before
            part.add(name, connections, measured, used_s)
    for name in ("balance", "GET /transfers"):
        await _rest(part, processes)
        pid = processes.pid("gateway")
        costs = [
            (await _cost(gateway, through[name], pid, seconds), await _cost(doors.ledger, beside[name], pid, seconds))
            for _ in range(SHARE_ROUNDS)
        ]
        told_both = [(one, other) for one, other in costs if one is not None and other is not None]
        if not told_both:
            part.say(f"The gateway's share of `{name}` cannot be told: its process had other work at the same time")
            continue
        pairs_us = sorted(one - other for one, other in told_both)
        through_us, straight_us = (min(costs_us) for costs_us in zip(*told_both, strict=True))
        part.say(
            f"Processor time of the gateway's process for `{name}`, {SHARE_CONNECTIONS} connections, the least of "
            f"{len(told_both)} rounds: {through_us:.0f} µs a call through the gateway, {straight_us:.0f} µs straight at the "
            f"ledger; difference {through_us - straight_us:.0f} µs (reach 300; by rounds {pairs_us[len(pairs_us) // 2]:.0f} in "
            f"the middle, {pairs_us[-1]:.0f} at most); {report.pace()}"
        )


async def _rest(part: Part, processes: Processes) -> None:
    if await processes.rest() is None:
        part.say(f"The next figure found work left over: it was not done within {REST_WITHIN_S:.0f} s")


async def _payments(
    part: Part,
    processes: Processes,
    through: tuple[Connect, Operation],
    straight: tuple[Connect, Operation],
    connections: int,
    seconds: float,
) -> None:
    """Through v1 and straight at the ledger by turns, each from rest; and what they leave to do."""
    sums = {PAYMENTS: _Sum(through), STRAIGHT: _Sum(straight)}
    left_s: list[float | None] = []
    for name in (PAYMENTS, STRAIGHT) * PAYMENT_TURNS:
        await _rest(part, processes)
        used = processes.used_s()
        await sums[name].turn(processes, connections, seconds)
        if name == PAYMENTS:
            left_s.append(await processes.rest())
            sums[name].used_s += between(used, processes.used_s())
    for name, each in sums.items():
        part.add(name, connections, each.measured, each.own_s)
        part.say(
            f"While {connections} connections did {name}, loops were ready without a core, % of the time: "
            f"{shares(each.waited_s, each.measured.took_s)}"
        )
    done = [each for each in left_s if each is not None]
    took = f"{max(done):.1f} s later" if len(done) == len(left_s) else f"not within {REST_WITHIN_S:.0f} s"
    paid = sums[PAYMENTS]
    part.say(
        f"What {connections} connections paying left to do (notices, mail, events) was done {took}. Processor time of one "
        f"payment with that, µs: {told(paid.used_s, len(paid.measured.calls))}"
    )
    if connections > 1:
        rates = [each.measured.rate for each in sums.values()]
        share = rates[0] / rates[1] if rates[1] else 0
        part.say(f"Payments through v1 to straight, {connections} connections: {share:.2f} (reach 0.5)")


@dataclass(slots=True)
class _Sum:
    """One operation, measured several times."""

    what: tuple[Connect, Operation]
    measured: Measured = field(default_factory=Measured)
    own_s: float = 0.0
    waited_s: Counter[str] = field(default_factory=Counter)
    used_s: Counter[str] = field(default_factory=Counter)
    """With what was left to do afterwards."""

    async def turn(self, processes: Processes, connections: int, seconds: float) -> None:
        own, waited = processes.own_s(), processes.waited_s()
        self.measured.add(await measure(*self.what, connections=connections, seconds=seconds))
        self.own_s += processes.own_s() - own
        self.waited_s += between(waited, processes.waited_s())


async def _cost(connect: Connect, operation: Operation, pid: int, seconds: float) -> float | None:
    """Microseconds of processor time of this process for one operation, what it uses at rest taken off; None where it
    does not come to rest."""
    at_rest = await _at_rest(pid, 1.0)
    if at_rest >= REST_SHARE:
        return None
    before = cpu_s(pid)
    measured = await measure(connect, operation, connections=SHARE_CONNECTIONS, seconds=seconds)
    used = cpu_s(pid) - before - at_rest * measured.took_s
    return used / max(1, len(measured.calls)) * 1e6


async def _at_rest(pid: int, lasts: float) -> float:
    """What the process uses a second when nobody asks it anything, after the work that was left over is done."""
    for _ in range(10):
        before = cpu_s(pid)
        await asyncio.sleep(lasts)
        share = (cpu_s(pid) - before) / lasts
        if share < REST_SHARE:
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


def _hashing(seconds: float) -> list[str]:
    """What identity says of itself, in a process of its own."""
    command = [sys.executable, "-m", "services.identity.bench.logins", "--seconds", f"{seconds:g}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HASHING_WITHIN_S)
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    for line in lines:
        print(f"  identity alone, {line}", flush=True)
    return lines


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
    count, seconds = given.members or (40 if given.short else 10_000), given.seconds or (1.0 if given.short else 3.0)
    by_itself, hashing = asyncio.run(alone()), _hashing(seconds)
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
            report.write(part, by_itself, hashing)


if __name__ == "__main__":
    main()
