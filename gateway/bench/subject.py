"""What is measured: one node that runs, the ways to it, and the part of the page that takes the figures."""

from dataclasses import dataclass

from gateway.bench.load import Connect
from gateway.bench.processes import REST_WITHIN_S, Processes
from gateway.bench.report import Part


@dataclass(frozen=True, slots=True)
class Subject:
    """Every figure is taken for `seconds`."""

    part: Part
    processes: Processes
    gateway: Connect
    ledger: Connect
    """Straight to it, past the gateway."""
    identity: Connect
    """To the process that hashes."""
    seconds: float

    async def rest(self) -> None:
        """Waits until the node has no work left over; says where it does not come to that."""
        if await self.processes.rest() is None:
            self.part.say(f"The next figure found work left over: it was not done within {REST_WITHIN_S:.0f} s")
