"""The bus as everybody sees it; `rabbit` and `memory` are its two doors and pass one contract suite.

At least once, in no promised order. A message that a handler fails comes back to the same service alone, later each
time; after the limit it lies in the service's dead letters with the reason.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.common.envelope import Envelope

Handler = Callable[[Envelope], Awaitable[None]]
"""Handles one message in one transaction of its own store and returns after the commit. Raising anything means: again
later, and after the limit to the dead letters. A refusal by the domain is not raised: it is logged and the message is done."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    service: str
    envelope: Envelope
    reason: str
    attempts: int
    died_at: datetime


class Bus(Protocol):
    """Topic exchange, one durable queue per consuming service, one dead queue each, and broadcasts."""

    async def start(self) -> None:
        """Connects; waits for the server within the connect time-out, then raises BusAway."""

    async def stop_handling(self) -> None:
        """Hands out no more messages and waits for the handlers under way (bounded); publishing goes on. Before a service
        stops, so that no handler finds its store closed. Safe to call twice."""

    async def close(self) -> None:
        """Stops handling, disconnects."""

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        """Publishes in one window; returns the ids that the bus has made its own. The rest stays with the caller."""

    async def subscribe(self, service: str, handlers: dict[str, Handler]) -> None:
        """Binds the service's durable queue to these event types and begins to handle; several copies compete."""

    async def listen(self, handlers: dict[str, Handler], *, on_connected: Callable[[], Awaitable[None]]) -> None:
        """Hears these types in this process, each process its own copy, lost while away; after every (re)connect
        `on_connected` takes a snapshot from the owner."""

    async def dead(self, service: str, *, limit: int = 100) -> list[DeadLetter]:
        """The service's dead letters, oldest first; they stay where they are."""

    async def replay(self, service: str, ids: Sequence[str]) -> int:
        """Puts dead letters back into the service's queue; how many."""

    async def drop(self, service: str, ids: Sequence[str]) -> int:
        """Forgets dead letters; how many."""

    async def healthy(self) -> bool:
        """Whether the bus takes and hands out messages now."""


class BusAway(Exception):  # noqa: N818
    """The bus cannot be reached."""
