"""Webhooks and what is on its way to them: claimed and settled as mail is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.database import Connection


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address of a program; `owner` is an entity or `operator`, empty `kinds` mean all."""

    id: str
    owner: str
    url: str
    kinds: list[str]
    created_at: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A notice for a program, in this process's hands until its time is up."""

    id: str
    webhook_id: str
    url: str
    secret: str
    notice_id: str
    kind: str
    owner: str
    params: dict[str, Any]
    at: datetime
    tries: int
    claim: str


async def add_webhook(connection: Connection, webhook: Webhook, *, secret: str, created_by: str) -> None:
    """Keeps a webhook."""
    await connection.execute(
        "insert into webhook (id, owner, url, secret, kinds, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7)",
        webhook.id,
        webhook.owner,
        webhook.url,
        secret,
        webhook.kinds,
        created_by,
        webhook.created_at,
    )


async def webhooks_of(connection: Connection, owner: str) -> list[Webhook]:
    """An owner's webhooks, oldest first."""
    rows = await connection.fetch(
        "select id, owner, url, kinds, created_at, active from webhook where owner = $1 order by created_at, id", owner
    )
    return [Webhook(**dict(row)) for row in rows]


async def lock_owner(connection: Connection, owner: str) -> None:
    """Until the end of the transaction nobody else adds to this owner's webhooks."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"webhook {owner}")


async def webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """One; until the end of the transaction nobody else removes it."""
    row = await connection.fetchrow(
        "select id, owner, url, kinds, created_at, active from webhook where id = $1 for update", webhook_id
    )
    return Webhook(**dict(row)) if row else None


async def remove_webhook(connection: Connection, webhook_id: str) -> None:
    """Removes it with what is on its way to it."""
    await connection.execute("delete from webhook where id = $1", webhook_id)


# In steps, as mails are.
_CLAIM = """
with taken as (
    update delivery set claim = $1, due_at = $3, tries = tries + 1
    where id = any(array(select id from delivery where state = 'waiting' and due_at <= $2 order by due_at limit $4
                         for update skip locked))
    returning id, webhook_id, notice_id, tries, claim
)
select t.*, w.*, n.* from taken t
cross join lateral (select url, secret, owner from webhook where id = t.webhook_id offset 0) w
cross join lateral (select kind, params, at from notice where id = t.notice_id offset 0) n
"""


async def claim_deliveries(
    connection: Connection, claim: str, *, now: datetime, until: datetime, limit: int
) -> list[ClaimedDelivery]:
    """Takes deliveries that are due; nobody else gets them before `until`."""
    rows = await connection.fetch(
        _CLAIM,
        claim,
        now,
        until,
        limit,
    )
    return [ClaimedDelivery(**dict(row)) for row in rows]


async def postpone_delivery(
    connection: Connection, delivery: ClaimedDelivery, *, due_at: datetime, reason: str
) -> None:
    """Lays it aside until then, if it is still in these hands."""
    await connection.execute(
        "update delivery set claim = null, due_at = $3, reason = $4 where id = $1 and claim = $2 and state = 'waiting'",
        delivery.id,
        delivery.claim,
        due_at,
        reason,
    )


async def end_delivery(
    connection: Connection, delivery: ClaimedDelivery, state: str, *, now: datetime, reason: str | None
) -> bool:
    """Its end; a webhook that could not be told to the last is switched off. Whether it was."""
    tag = await connection.execute(
        "update delivery set state = $3, ended_at = $4, reason = $5, claim = null"
        " where id = $1 and claim = $2 and state = 'waiting'",
        delivery.id,
        delivery.claim,
        state,
        now,
        reason,
    )
    if state != "failed" or not tag.endswith(" 1"):
        return False
    off = await connection.execute("update webhook set active = false where id = $1 and active", delivery.webhook_id)
    return off.endswith(" 1")


async def forget_old_deliveries(connection: Connection, before: datetime) -> None:
    """Drops deliveries that ended before this moment."""
    await connection.execute("delete from delivery where state <> 'waiting' and ended_at < $1", before)
