"""What every service is to whoever runs it, and what it is given."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from libs.common.auth import TokenVerifier
from libs.common.clock import Clock
from libs.common.peers import Peers

if TYPE_CHECKING:  # the bus package imports StartRefused from here
    from libs.common.bus.port import Bus

Role = Literal["api", "worker", "both"]
"""`api` answers requests; `worker` runs relay, consumers and timers; the one-process node runs both."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that whoever runs a service passes in."""

    bus: "Bus"
    peers: Peers
    verifier: TokenVerifier
    clock: Clock


class Service(Protocol):
    """A service put together by its `app.build(settings, wiring)`."""

    name: str
    api: Any
    """ASGI application."""

    async def start(self, role: Role) -> None:
        """Opens pools, begins the work of the role. Raises a StartRefused that says in one sentence what to do."""

    async def stop(self) -> None:
        """Ends work in order: consumers, relay, requests, pools. Safe to call twice."""


class StartRefused(Exception):  # noqa: N818
    """The service cannot start: one sentence for the operator, no stack trace. `status` is the exit status, 1 or 2."""

    def __init__(self, sentence: str, *, status: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
