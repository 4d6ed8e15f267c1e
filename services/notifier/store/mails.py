"""Mail on its way: claimed by one process at a time, for a time; tried until it is sent, given up or void."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.database import Connection


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail in this process's hands until `due_at`."""

    id: str
    notice_id: str
    kind: str
    audience: str
    recipient_id: str
    params: dict[str, Any]
    at: datetime
    address: str | None
    reply_to: str | None
    language: str | None
    secret_id: str | None
    tries: int
    claim: str


@dataclass(frozen=True, slots=True)
class EndedMail:
    """What became of a mail: `sent`, `failed` or `void`."""

    mail: ClaimedMail
    state: str
    reason: str | None = None


# In steps that leave the planner no choice: a join would go through all mails while it believes them to be few.
_CLAIM = """
with taken as (
    update mail set claim = $1, due_at = $3, tries = tries + 1
    where id = any(array(select id from mail where state = 'waiting' and due_at <= $2 order by due_at limit $4
                         for update skip locked))
    returning id, notice_id, address, reply_to, language, secret_id, tries, claim
)
select t.*, n.* from taken t
cross join lateral (select kind, audience, recipient_id, params, at from notice where id = t.notice_id offset 0) n
"""


async def claim_mails(
    connection: Connection, claim: str, *, now: datetime, until: datetime, limit: int
) -> list[ClaimedMail]:
    """Takes mails that are due; nobody else gets them before `until`."""
    rows = await connection.fetch(
        _CLAIM,
        claim,
        now,
        until,
        limit,
    )
    return [ClaimedMail(**dict(row)) for row in rows]


async def postpone(connection: Connection, mail: ClaimedMail, *, due_at: datetime, reason: str) -> bool:
    """Lays the mail aside until then; False where it is no longer in these hands."""
    return _one(
        await connection.execute(
            "update mail set claim = null, due_at = $3, reason = $4 where id = $1 and claim = $2 and state = 'waiting'",
            mail.id,
            mail.claim,
            due_at,
            reason,
        )
    )


async def end_mails(connection: Connection, ended: Sequence[EndedMail], now: datetime) -> set[str]:
    """The mails' ends; addresses are dropped. The ids of those that were in these hands; nothing of the others."""
    rows = await connection.fetch(
        "update mail set state = e.state, ended_at = $5, reason = e.reason, claim = null, address = null, reply_to = null"
        " from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as e (id, claim, state, reason)"
        " where mail.id = e.id and mail.claim = e.claim returning mail.id",
        [each.mail.id for each in ended],
        [each.mail.claim for each in ended],
        [each.state for each in ended],
        [each.reason for each in ended],
        now,
    )
    return {row["id"] for row in rows}


async def give_back(connection: Connection, mails: Sequence[ClaimedMail], now: datetime) -> None:
    """Mails that were not tried are due again, as if nobody had taken them."""
    await connection.execute(
        "update mail set claim = null, due_at = $3, tries = mail.tries - 1"
        " from unnest($1::text[], $2::text[]) as held (id, claim) where mail.id = held.id and mail.claim = held.claim",
        [mail.id for mail in mails],
        [mail.claim for mail in mails],
        now,
    )


async def next_due(connection: Connection) -> datetime | None:
    """When the next waiting mail is due."""
    due: datetime | None = await connection.fetchval("select min(due_at) from mail where state = 'waiting'")
    return due


async def waiting_count(connection: Connection) -> int:
    """How many mails wait."""
    return int(await connection.fetchval("select count(*) from mail where state = 'waiting'"))


async def forget_old_mails(connection: Connection, before: datetime) -> None:
    """Drops mails that ended before this moment."""
    await connection.execute("delete from mail where state <> 'waiting' and ended_at < $1", before)


def _one(tag: str) -> bool:
    return tag.endswith(" 1")
