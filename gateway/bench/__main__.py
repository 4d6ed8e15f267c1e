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
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.bench import report, servers
from gateway.bench.alone import alone
from gateway.bench.lateness import logins
from gateway.bench.load import Operation, measure, over_tcp
from gateway.bench.operations import LOGINS, PAYMENTS, direct, operations
from gateway.bench.payments import payments
from gateway.bench.processes import Processes
from gateway.bench.report import Part
from gateway.bench.share import share
from gateway.bench.subject import Subject
from libs.common import logs
from tests.bench.seeding import doors_of, settle
from tests.e2e.conftest import VARIABLES
from tests.e2e.running import Running, Servers, embedded, full

CONNECTIONS = (1, 16, 64)
WARM_UP_S = 0.5
HASHING_WITHIN_S = 120.0
NO_LIMIT = {
    "MCCS_RATE_PER_MINUTE": "1000000",
    "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX": "1000000",
    "MCCS_LOG_LEVEL": "warning",
}


async def run(subject: Subject, through: Mapping[str, Operation], straight: Mapping[str, Operation]) -> None:
    """The whole table. Every operation finds the node at rest."""
    for name, operation in through.items():
        await measure(subject.gateway, operation, connections=4, seconds=WARM_UP_S)
        for connections in CONNECTIONS:
            if name == PAYMENTS:
                await payments(subject, operation, straight[name], connections)
            elif name == LOGINS:
                await logins(subject, operation, through["balance"], connections)
            else:
                await subject.rest()
                before = subject.processes.own_s()
                measured = await measure(subject.gateway, operation, connections=connections, seconds=subject.seconds)
                subject.part.add(name, connections, measured, subject.processes.own_s() - before)
    for name in ("balance", "GET /transfers"):
        await share(subject, name, through[name], straight[name])


def _measured(part: Part, node: Running, count: int, seconds: float, *, is_embedded: bool) -> None:
    node.start()
    try:
        began = time.monotonic()
        doors = doors_of(node, embedded=is_embedded)
        community = settle(node, doors, count)
        part.say(f"{len(community.ids):,} members were there after {time.monotonic() - began:.0f} s")
        gateway = over_tcp(node.address)
        identity = gateway if is_embedded else over_tcp(node.environment["MCCS_IDENTITY_API_URL"])
        subject = Subject(part, Processes(node), gateway, doors.ledger, identity, seconds)
        asyncio.run(run(subject, operations(community), direct(community, doors.ledger_prefix)))
    finally:
        node.stop()


def _servers() -> Servers:
    return Servers(**{name: os.environ[variable] for name, variable in VARIABLES.items()})


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
        ways.append(("full", lambda folder: full(folder, _servers(), **NO_LIMIT)))
    titles = {"embedded": "One process with embedded stores", "full": "Every service by itself with real servers"}
    for kind, make in ways:
        part = Part(titles[kind], " ".join(["python -m gateway.bench", *sys.argv[1:]]))
        print(f"{part.title}, {count} members, {seconds:g} s each:", flush=True)
        if kind == "full":
            part.say(f"Servers: {asyncio.run(servers.told(_servers()))}")
        with tempfile.TemporaryDirectory(prefix="mccs-bench-") as folder:
            _measured(part, make(Path(folder)), count, seconds, is_embedded=kind == "embedded")
        if not given.short:
            report.write(part, by_itself, hashing)


if __name__ == "__main__":
    main()
