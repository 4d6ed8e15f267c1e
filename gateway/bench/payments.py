"""Payments through v1 and straight at the ledger by turns, and what they leave to do."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.bench.load import Connect, Measured, Operation, measure
from gateway.bench.operations import PAYMENTS, STRAIGHT
from gateway.bench.processes import REST_WITHIN_S, Processes, between, shares, told
from gateway.bench.subject import Subject

TURNS = 2


@dataclass(slots=True)
class _Sum:
    """One operation, measured several times."""

    connect: Connect
    operation: Operation
    measured: Measured = field(default_factory=Measured)
    own_s: float = 0.0
    waited_s: Counter[str] = field(default_factory=Counter)
    used_s: Counter[str] = field(default_factory=Counter)
    """With what was left to do afterwards."""

    async def turn(self, processes: Processes, connections: int, seconds: float) -> None:
        own, waited = processes.own_s(), processes.waited_s()
        self.measured.add(await measure(self.connect, self.operation, connections=connections, seconds=seconds))
        self.own_s += processes.own_s() - own
        self.waited_s += between(waited, processes.waited_s())


async def payments(subject: Subject, through: Operation, straight: Operation, connections: int) -> None:
    """Each turn begins from rest."""
    part, processes = subject.part, subject.processes
    sums = {PAYMENTS: _Sum(subject.gateway, through), STRAIGHT: _Sum(subject.ledger, straight)}
    left_s: list[float | None] = []
    for name in (PAYMENTS, STRAIGHT) * TURNS:
        await subject.rest()
        used = processes.used_s()
        await sums[name].turn(processes, connections, subject.seconds)
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
