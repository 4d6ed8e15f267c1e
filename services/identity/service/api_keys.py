"""API keys of partner programs, and the tokens they are changed for (RFC 6749 section 4.4)."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.ids import new_id
from services.identity.domain.access import HINT_LENGTH, KEYS_PER_ENTITY_MAX, ApiKey, granted_scopes
from services.identity.domain.errors import NamedError
from services.identity.sealing import hash_of, new_secret
from services.identity.service import telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.service.invitations import check_owner
from services.identity.store import keys as store
from services.identity.store import memberships, sessions


@dataclass(frozen=True, slots=True)
class KeyTicket:
    """An access token of an API key."""

    token: str
    expires_at: datetime
    lifetime_s: int
    scopes: tuple[str, ...]
    rate_per_minute: int


async def create(
    deps: Deps, actor: Actor, entity_id: str, name: str, scopes: Sequence[str], rate_per_minute: int | None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once. Raises NamedError `forbidden`, `too_many`."""
    secret = new_secret()
    async with unit(deps) as work:
        people = await memberships.lock_entity(work.connection, entity_id)
        if not any(person.user_id == actor.id and person.role == "owner" for person in people):
            raise NamedError("forbidden")
        if len(await store.live_of_entity(work.connection, entity_id)) >= KEYS_PER_ENTITY_MAX:
            raise NamedError("too_many")
        key = ApiKey(
            id=new_id(),
            entity_id=entity_id,
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            rate_per_minute=rate_per_minute or deps.settings.key_rate_per_minute,
            hint=secret[-HINT_LENGTH:],
            created_by=actor.id,
            created_at=work.now,
        )
        await store.add(work.connection, key, hash_of(secret))
        telling.audit(
            work, "api_key.created", f"Made the API key {name}.", actor=actor,
            email=await telling.email_of(work, actor), subject=key.id, subject_kind="api_key", entity_id=entity_id,
            after={"name": name, "scopes": list(key.scopes)},
        )  # fmt: skip
    return key, secret


async def of_entity(deps: Deps, actor: Actor, entity_id: str) -> list[ApiKey]:
    """Live keys, for owners and admins. Raises NamedError `forbidden`."""
    async with unit(deps) as work:
        check_owner(actor, await memberships.of_entities(work.connection, [entity_id]))
        return await store.live_of_entity(work.connection, entity_id)


async def of_user(work: Unit, user_id: str) -> list[ApiKey]:
    """Live keys that a user made."""
    return await store.live_of_user(work.connection, user_id)


async def revoke(deps: Deps, actor: Actor, key_id: str) -> None:
    """An owner or admin ends a key, and with it its tokens. Raises NamedError `forbidden` (also where there is none)."""
    async with unit(deps) as work:
        found = await store.live(work.connection, key_id, lock=True)
        if found is None:
            raise NamedError("forbidden")
        key = found[0]
        check_owner(actor, await memberships.of_entities(work.connection, [key.entity_id]))
        await _revoke(work, [key], actor, await telling.email_of(work, actor))


async def revoke_of(work: Unit, user_id: str, entity_id: str | None = None) -> None:
    """Keys that a user made for an entity, or for all, are over."""
    await _revoke(work, await store.live_of_user(work.connection, user_id, entity_id, lock=True), None, None)


async def revoke_of_entity(work: Unit, entity_id: str) -> None:
    """All keys of an entity are over."""
    await _revoke(work, await store.live_of_entity(work.connection, entity_id, lock=True), None, None)


async def _revoke(work: Unit, keys: Sequence[ApiKey], actor: Actor | None, email: str | None) -> None:
    for key in keys:
        await store.revoke(work.connection, key.id, work.now)
        until = key.tokens_expire_at
        if until is not None and until > work.now:
            await sessions.revoke(work.connection, [(key.id, until)])
            work.ended.append((key.id, until))
            work.tell(telling.ended(key.id, key.created_by, "api_key_revoked", until, work.now))
        telling.audit(
            work, "api_key.revoked", f"The API key {key.name} is over.", actor=actor, email=email, subject=key.id,
            subject_kind="api_key", entity_id=key.entity_id,
        )  # fmt: skip


async def token_of(deps: Deps, client_id: str, client_secret: str, scope: str | None, client: Client) -> KeyTicket:
    """A short token of a key. Its session id is the key's id, so revoking the key ends it everywhere.

    Raises NamedError `invalid_client`, `invalid_scope`.
    """
    async with unit(deps) as work:
        found = await store.live(work.connection, client_id, lock=True)
        is_right = found is not None and hmac.compare_digest(found[1], hash_of(client_secret))
        if found is not None and is_right:
            return await _token(deps, work, found[0], scope, client)
        if await telling.is_told(work, f"address {client.address}", "api_key.refused"):
            detail = f"An API key was refused from {client.address or 'an unknown address'}."
            telling.audit(
                work, "api_key.refused", detail, subject=client_id[:36] if found else None, subject_kind="api_key"
            )
    raise NamedError("invalid_client")


async def _token(deps: Deps, work: Unit, key: ApiKey, scope: str | None, client: Client) -> KeyTicket:
    scopes = granted_scopes(key.scopes, scope)
    if scopes is None:
        raise NamedError("invalid_scope", field="scope")
    lifetime_s = deps.settings.key_token_lifetime_s
    expires_at = work.now + timedelta(seconds=lifetime_s)
    await store.use(work.connection, key.id, work.now, client.address, expires_at + timedelta(seconds=1))
    claims = {
        "sub": key.created_by,
        "role": "member",
        "sid": key.id,
        "kind": "api_key",
        "ent": key.entity_id,
        "scope": " ".join(scopes),
        "rpm": key.rate_per_minute,
    }
    token = deps.keyring.token(claims, work.now, expires_at)
    return KeyTicket(token, expires_at, lifetime_s, scopes, key.rate_per_minute)
