"""Mail on its way: claimed by one process at a time, for a time; tried until it is sent, given up or void."""

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


async def end_mail(connection: Connection, ended: EndedMail, now: datetime) -> bool:
    """The mail's end; addresses are dropped. False where it is no longer in these hands."""
    return _one(
        await connection.execute(
            "update mail set state = $3, ended_at = $4, reason = $5, claim = null, address = null, reply_to = null"
            " where id = $1 and claim = $2",
            ended.mail.id,
            ended.mail.claim,
            ended.state,
            now,
            ended.reason,
        )
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
