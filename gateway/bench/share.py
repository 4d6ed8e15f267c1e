"""The gateway's own share of a call: the processor time of its process, less that of the ledger called straight."""

import asyncio

from gateway.bench.load import Connect, Operation, measure
from gateway.bench.processes import REST_SHARE, cpu_s
from gateway.bench.subject import Subject

CONNECTIONS, ROUNDS = 16, 5
"""The least of several rounds is what others on the machine disturbed least."""
AT_REST_S = 1.0


async def share(subject: Subject, name: str, through: Operation, straight: Operation) -> None:
    """In the embedded node, where all is one process, the difference is the gateway's share; in a full set the gateway's
    process has nothing to do with what goes straight to the ledger."""
    pid = subject.processes.pid("gateway")
    rounds = [
        (
            await _cost_us(subject, subject.gateway, through, pid),
            await _cost_us(subject, subject.ledger, straight, pid),
        )
        for _ in range(ROUNDS)
    ]
    told = [(one, other) for one, other in rounds if one is not None and other is not None]
    if not told:
        subject.part.say(f"The gateway's share of `{name}` cannot be told: its process had other work at the same time")
        return
    pairs_us = sorted(one - other for one, other in told)
    through_us, straight_us = (min(costs_us) for costs_us in zip(*told, strict=True))
    subject.part.say(
        f"Processor time of the gateway's process for `{name}`, {CONNECTIONS} connections, the least of {len(told)} rounds: "
        f"{through_us:.0f} µs a call through the gateway, {straight_us:.0f} µs straight at the ledger; difference "
        f"{through_us - straight_us:.0f} µs (reach 300; by rounds {pairs_us[len(pairs_us) // 2]:.0f} in the middle, "
        f"{pairs_us[-1]:.0f} at most)"
    )


async def _cost_us(subject: Subject, connect: Connect, operation: Operation, pid: int) -> float | None:
    """Processor time of this process for one operation, what it uses at rest taken off; None where it does not come to
    rest."""
    await subject.rest()
    at_rest = await _used_at_rest(pid)
    if at_rest >= REST_SHARE:
        return None
    before = cpu_s(pid)
    measured = await measure(connect, operation, connections=CONNECTIONS, seconds=subject.seconds)
    used = cpu_s(pid) - before - at_rest * measured.took_s
    return used / max(1, len(measured.calls)) * 1e6


async def _used_at_rest(pid: int) -> float:
    """Processor time that the process uses a second when nobody asks it anything."""
    before = cpu_s(pid)
    await asyncio.sleep(AT_REST_S)
    return (cpu_s(pid) - before) / AT_REST_S
