"""Who speaks: tokens of people (identity signs them) and of services, verified by every service itself."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

PrincipalKind = Literal["user", "api_key", "service"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified bearer of a request."""

    kind: PrincipalKind
    id: str
    """User id; for an API key the id of the user who made it; for a service its name."""
    role: str = "member"
    """`member`, `admin` or `operator`; `service` for a service."""
    session_id: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    entity_id: str | None = None
    """The only entity an API key acts for."""
    scopes: frozenset[str] = field(default_factory=frozenset)
    """Of an API key: `read`, `propose`, `accept`. Empty for a person: everything the role may."""

    @property
    def is_admin(self) -> bool:
        return self.kind == "user" and self.role == "admin"

    @property
    def is_service(self) -> bool:
        return self.kind == "service"

    def may(self, scope: str) -> bool:
        """Whether an API key's scopes allow this; people and services are judged by role elsewhere."""
        return self.kind != "api_key" or scope in self.scopes


class TokenVerifier(Protocol):
    """Verifies bearer tokens; what was verified is remembered until it ends or its session is ended."""

    async def verify(self, token: str) -> Principal:
        """Raises Refusal 401 `token_invalid`, `token_expired` or `session_ended`."""

    def forget_session(self, session_id: str, until: datetime) -> None:
        """From now on tokens of this session are refused; remembered until `until`."""
