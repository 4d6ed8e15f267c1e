"""What every part of the gateway is given: settings, one client per service, the wiring, and who sent this request."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Self

from gateway.afterwards import Afterwards
from gateway.clients.directory import DirectoryClient
from gateway.clients.identity import IdentityClient
from gateway.clients.ledger import LedgerClient
from gateway.clients.matcher import MatcherClient
from gateway.clients.notifier import NotifierClient
from gateway.public_reads import PublicReads
from gateway.refusals import Refusals
from gateway.settings import Settings
from libs.common.peers import Caller, Peers
from libs.common.service import Wiring


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per service."""

    identity: IdentityClient
    directory: DirectoryClient
    ledger: LedgerClient
    matcher: MatcherClient
    notifier: NotifierClient

    @classmethod
    def over(cls, peers: Peers) -> Self:
        """All five over one way of calling services."""
        return cls(
            identity=IdentityClient(peers),
            directory=DirectoryClient(peers),
            ledger=LedgerClient(peers),
            matcher=MatcherClient(peers),
            notifier=NotifierClient(peers),
        )


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """Handed to the v1 API and to `gateway.pages.routes.page_routes`."""

    settings: Settings
    clients: Clients
    wiring: Wiring
    public_reads: PublicReads = field(default_factory=PublicReads)
    afterwards: Afterwards = field(default_factory=Afterwards)
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusals", Refusals(self.clients.identity))


def caller_of(
    scope: MutableMapping[str, Any], *, token: str | None = None, idempotency_key: str | None = None
) -> Caller:
    """For whom a call to a service is made, from an ASGI scope that came through `gateway.edge.Edge`.

    Without `token` the gateway speaks for itself. The edge has put `request_id`, `client_address` and `user_agent` into
    `scope["state"]`; pages find them at `request.state` likewise.
    """
    state: Mapping[str, Any] = scope["state"]
    return Caller(
        token=token,
        request_id=state["request_id"],
        client_address=state["client_address"],
        user_agent=state["user_agent"],
        idempotency_key=idempotency_key,
    )
