"""How soon the process that hashes answers while people log in, the waiting for a core told apart; and beside it, how soon
while as many only read, so that what a look waits for among others' requests is not taken for hashing."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.bench.load import Connect, Connection, Measured, Operation, measure
from gateway.bench.operations import LOGINS
from gateway.bench.processes import own_wait_s, waited_s
from gateway.bench.subject import Subject

LOOK_EVERY_S = 0.005
T = TypeVar("T")


@dataclass(slots=True)
class Looks:
    """How soon it answered each time, and how soon without the waiting of either side for a core."""

    all: Measured = field(default_factory=Measured)
    with_a_core: Measured = field(default_factory=Measured)


async def logins(subject: Subject, operation: Operation, reading: Operation, connections: int) -> None:
    """Logins, and beside them a look every few milliseconds at how soon the process that hashes answers."""
    part, processes, pid = subject.part, subject.processes, subject.processes.pid("identity")
    await subject.rest()

    async def ask(what: Operation) -> tuple[Measured, float]:
        before = processes.own_s()
        measured = await measure(subject.gateway, what, connections=connections, seconds=subject.seconds)
        return measured, processes.own_s() - before

    _, read = await _looks(subject.identity, pid, ask(reading))
    (measured, used_s), beside = await _looks(subject.identity, pid, ask(operation))
    part.add(LOGINS, connections, measured, used_s)
    part.say(
        f"While {connections} log in, the process that hashes answers `GET /health/live` (every {LOOK_EVERY_S * 1000:.0f} ms, "
        f"{len(beside.all.calls)} times) within {_late(beside.all)}; without the time in which it or the client was ready "
        f"and had no core, within {_late(beside.with_a_core)} (reach 20; this holds the wait behind others' requests too). "
        f"Just before, while as many read balances: {_late(read.all)}; {_late(read.with_a_core)}"
    )


def _late(looks: Measured) -> str:
    return f"p50 {looks.at(0.5):.1f}, p99 {looks.at(0.99):.1f}, at most {looks.at(1.0):.1f} ms"


async def _looks(identity: Connect, pid: int, work: Awaitable[T]) -> tuple[T, Looks]:
    """What the work answers, and how long each look took while it was done."""
    seen = Looks()
    looking = asyncio.create_task(_look(identity, pid, seen))
    try:
        return await work, seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look(identity: Connect, pid: int, looks: Looks) -> None:
    connection = Connection(*await identity())
    try:
        while True:
            began, there, here = time.perf_counter(), waited_s(pid), own_wait_s()
            await connection.ask("GET", "/health/live")
            took = time.perf_counter() - began
            # both may have waited at the same time: only the longer of the two is surely not the loop's
            waited = max(waited_s(pid) - there, own_wait_s() - here)
            looks.all.calls.append(took)
            looks.with_a_core.calls.append(max(0.0, took - waited))
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        connection.close()
