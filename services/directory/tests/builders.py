"""What tests build entities and callers with."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from libs.common.auth import Principal, ServiceTokens
from libs.common.errors import Refusal
from libs.common.ids import new_id
from services.directory.domain.entity import DatedTag, Entity
from services.directory.service.deps import Deps
from services.directory.service.entities import alter, create
from services.directory.service.telling import Act, write
from services.directory.store.port import Write

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def an_entity(*, offers=(), wants=(), name="Green Acres", **fields: Any) -> Entity:
    """An entity as a store keeps it, at version 0."""
    texts = {"name": name, **fields.pop("texts", {})}
    return Entity(
        id=fields.pop("id", None) or new_id(),
        created_at=fields.pop("created_at", NOON),
        texts={field: text for field, text in texts.items() if text},
        offers=tuple(DatedTag(tag, NOON) for tag in offers),
        wants=tuple(DatedTag(tag, NOON) for tag in wants),
        **fields,
    )


def first(entity: Entity) -> Write:
    """Its first write."""
    return write(None, entity, Act("entity.registered", "Signed up."), NOON)


def following(before: Entity, **fields: Any) -> Write:
    """Its next write."""
    return write(before, replace(before, **fields), Act("entity.changed", "Changed."), NOON)


def a_user(user_id: str | None = None) -> Principal:
    return Principal("user", user_id or new_id(), "member", "session")


def an_admin() -> Principal:
    return Principal("user", new_id(), "admin", "session")


def a_service(name: str = "gateway") -> Principal:
    return Principal("service", name, "service")


async def signed_up(deps: Deps, user: Principal, status: str = "pending", **profile: Any) -> Entity:
    """An entity of this user, moved on to a status."""
    entity = await create(deps, new_id(), user.id, {"name": "Green Acres", **profile})
    if status == "pending":
        return entity
    return await alter(
        deps, entity.id, lambda before: (replace(before, status=status), Act("entity.status_changed", "Decided."))
    )


async def told(deps: Deps) -> list[Any]:
    """Everything that waits to be told, and then no longer."""
    events: list[Any] = []
    while True:
        async with deps.store.outbox.claim(500) as claim:
            if not claim.envelopes:
                return events
            events += claim.envelopes
            await claim.done({envelope.id for envelope in claim.envelopes})


class TokensAsNames(ServiceTokens):
    """Takes `user:<id>`, `admin:<id>`, `key:<user id>:<entity id>` and `service:<name>` for verified tokens."""

    def __init__(self) -> None:
        super().__init__("secret", "gateway")

    def token(self, target: str) -> str:
        return "service:gateway"

    async def verify(self, token: str) -> Principal:
        kind, _, rest = token.partition(":")
        if kind == "service":
            return Principal("service", rest, "service")
        if kind == "key":
            user_id, _, entity_id = rest.partition(":")
            return Principal("api_key", user_id, "member", "key", entity_id=entity_id, scopes=frozenset({"read"}))
        if kind in ("user", "admin", "operator"):
            return Principal("user", rest, "member" if kind == "user" else kind, "session")
        raise Refusal.of(401, "token_invalid", "No.")

    def forget_session(self, session_id, until) -> None:
        """Nothing is remembered."""
