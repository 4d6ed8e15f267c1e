"""Notices, who has read them, and what people want to be told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.database import Connection

UNREAD_COUNT_MAX = 100

_MINE = """
with source as (
    select $1::text as recipient_id, 'user'::text as audience, '-infinity'::timestamptz as since
    union all
    select entity_id, 'entity', since from membership where user_id = $1 and role is not null
    union all
    select 'operator', 'operator', '-infinity'::timestamptz where $2::boolean
)
"""
_READ = """
    (n.at < coalesce((select read_before from reader where user_id = $1), '-infinity')
     or exists (select from notice_read r where r.user_id = $1 and r.notice_id = n.id and r.read_at >= n.at))
"""

_HEARD = "heard as (insert into inbox (id) select distinct unnest($18::text[]) on conflict do nothing returning id), "
_ADD = """
with {heard} news as materialized (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::jsonb[],
                         $8::timestamptz[], $9::boolean[], $10::boolean[], $11::boolean[], $12::text[], $13::text[],
                         $14::text[], $15::text[], $16::text[])
    as news (id, event_id, kind, audience, recipient_id, bell, params, at, told_programs, mailed, optional, mail_id, address,
             reply_to, language, secret_id)
    {once}
), kept as (
    insert into notice (id, event_id, kind, audience, recipient_id, bell, params, at)
    select id, event_id, kind, audience, recipient_id, bell, params, at from news on conflict do nothing returning id
), deliveries as (
    insert into delivery (id, webhook_id, notice_id, due_at)
    select gen_random_uuid()::text, w.id, n.id, $17 from news n join webhook w on w.owner = n.recipient_id
    where n.told_programs and w.active and (w.kinds = '{{}}' or n.kind = any(w.kinds)) and n.id in (select id from kept)
    on conflict do nothing
)
insert into mail (id, notice_id, address, reply_to, language, secret_id, due_at, created_at)
select mail_id, n.id, address, reply_to, language, secret_id, $17, $17 from news n
where n.mailed and n.id in (select id from kept) and not (n.optional and exists (select from preference p
    where p.subject_id = n.recipient_id and p.kind = n.kind and p.channel = 'mail' and not p.wanted)) on conflict do nothing
"""
_ADD_NOTICES = _ADD.format(heard="", once="")
_ADD_NOTICES_ONCE = _ADD.format(heard=_HEARD, once="where event_id in (select id from heard)")


@dataclass(frozen=True, slots=True)
class StoredNotice:
    id: str
    kind: str
    audience: str
    recipient_id: str
    params: dict[str, Any]
    at: datetime
    read: bool


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail that is to be written of a notice; where it is `optional` not for whom it is switched off."""

    id: str
    address: str | None
    reply_to: str | None
    language: str | None
    secret_id: str | None
    optional: bool


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A notice to be kept, with its mail."""

    id: str
    event_id: str
    kind: str
    audience: str
    recipient_id: str
    bell: bool
    params: dict[str, Any]
    at: datetime
    told_programs: bool
    mail: NewMail | None


async def add_notices(connection: Connection, kept: Sequence[KeptNotice], *, now: datetime) -> None:
    """Keeps notices with their mails and what their owners' programs are to be told, at once; nothing of one that is kept
    already."""
    if kept:
        await connection.execute(_ADD_NOTICES, *_columns(kept), now)


async def add_notices_once(
    connection: Connection, event_ids: Sequence[str], kept: Sequence[KeptNotice], *, now: datetime
) -> None:
    """The same of events that are remembered as heard in the same step; nothing of those that were."""
    await connection.execute(_ADD_NOTICES_ONCE, *_columns(kept), now, event_ids)


_NO_MAIL = NewMail("", None, None, None, None, optional=False)


def _columns(kept: Sequence[KeptNotice]) -> list[list[Any]]:
    rows = []
    for each in kept:
        mail = each.mail or _NO_MAIL
        rows.append(
            (
                each.id,
                each.event_id,
                each.kind,
                each.audience,
                each.recipient_id,
                each.bell,
                each.params,
                each.at,
                each.told_programs,
                each.mail is not None,
                mail.optional,
                mail.id,
                mail.address,
                mail.reply_to,
                mail.language,
                mail.secret_id,
            )
        )
    return [list(column) for column in zip(*rows, strict=True)]


async def count_up(
    connection: Connection, notice_id: str, event_id: str, *, kind: str, entity_id: str, at: datetime
) -> None:
    """A notice that counts: one more, and news again for who had read it."""
    await connection.execute(
        "insert into notice (id, event_id, kind, audience, recipient_id, bell, params, at)"
        " values ($1, $2, $3, 'entity', $4, true, jsonb_build_object('count', 1), $5) on conflict (id) do update"
        " set params = jsonb_build_object('count', (notice.params ->> 'count')::int + 1),"
        " at = greatest(notice.at, excluded.at)",
        notice_id,
        event_id,
        kind,
        entity_id,
        at,
    )


async def bell_page(
    connection: Connection,
    user_id: str,
    *,
    operator: bool,
    muted: Sequence[str],
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[StoredNotice]:
    """A person's notices, newest first: own ones, those of entities acted for (since then), the operator's for admins."""
    at, notice_id = before or (None, None)
    rows = await connection.fetch(
        _MINE + f"select n.*, {_READ} as read from source s cross join lateral ("
        " select id, kind, audience, recipient_id, params, at from notice"
        " where recipient_id = s.recipient_id and audience = s.audience and bell and at >= s.since"
        " and not kind = any($3::text[]) and ($4::timestamptz is null or (at, id) < ($4, $5))"
        " order by at desc, id desc limit $6) n order by n.at desc, n.id desc limit $6",
        user_id,
        operator,
        list(muted),
        at,
        notice_id,
        limit,
    )
    return [
        StoredNotice(r["id"], r["kind"], r["audience"], r["recipient_id"], r["params"], r["at"], r["read"])
        for r in rows
    ]


async def count_unread(connection: Connection, user_id: str, *, operator: bool, muted: Sequence[str]) -> int:
    """How many of a person's notices are unread, counted up to UNREAD_COUNT_MAX."""
    count = await connection.fetchval(
        _MINE + "select count(*) from (select 1 from source s join notice n on n.recipient_id = s.recipient_id"
        " and n.audience = s.audience and n.bell and n.at >= s.since and not n.kind = any($3::text[])"
        " and n.at >= coalesce((select read_before from reader where user_id = $1), '-infinity')"
        f" where not {_READ} limit {UNREAD_COUNT_MAX}) found",
        user_id,
        operator,
        list(muted),
    )
    return int(count)


async def mark_read(connection: Connection, user_id: str, ids: Sequence[str], *, operator: bool, now: datetime) -> None:
    """Marks those of the notices that are this person's."""
    await connection.execute(
        _MINE + "insert into notice_read (user_id, notice_id, read_at)"
        " select $1, n.id, greatest($4::timestamptz, n.at) from source s join notice n"
        " on n.recipient_id = s.recipient_id and n.audience = s.audience where n.id = any($3::text[])"
        " on conflict (user_id, notice_id) do update set read_at = excluded.read_at",
        user_id,
        operator,
        list(ids),
        now,
    )


async def mark_all_read(connection: Connection, user_id: str, now: datetime) -> None:
    """Everything up to now is read."""
    await connection.execute(
        "insert into reader (user_id, read_before) values ($1, $2)"
        " on conflict (user_id) do update set read_before = greatest(reader.read_before, excluded.read_before)",
        user_id,
        now,
    )
    await connection.execute("delete from notice_read where user_id = $1 and read_at < $2", user_id, now)


async def forget_old_notices(connection: Connection, before: datetime) -> None:
    """Drops old notices, with their mails and marks."""
    await connection.execute("delete from notice where at < $1", before)


# --- preferences -------------------------------------------------------------------------------------------------------


async def switched_off(connection: Connection, subject_ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """What these people and entities do not want: (subject, kind, channel)."""
    rows = await connection.fetch(
        "select subject_id, kind, channel from preference where subject_id = any($1::text[]) and not wanted",
        list(subject_ids),
    )
    return {(row["subject_id"], row["kind"], row["channel"]) for row in rows}


async def prefer(connection: Connection, subject_id: str, kind: str, channel: str, *, wanted: bool) -> None:
    """Keeps one preference."""
    await connection.execute(
        "insert into preference (subject_id, kind, channel, wanted) values ($1, $2, $3, $4)"
        " on conflict (subject_id, kind, channel) do update set wanted = excluded.wanted",
        subject_id,
        kind,
        channel,
        wanted,
    )


async def unsubscribe_tokens(
    connection: Connection, wanted: Iterable[tuple[str, str]], fresh: Callable[[], str]
) -> dict[tuple[str, str], str]:
    """The tokens that switch these kinds of mail off for these subjects, by (subject, kind): those there are, or fresh ones."""
    pairs = sorted(set(wanted))
    subjects, kinds = [subject for subject, _ in pairs], [kind for _, kind in pairs]
    rows = await connection.fetch(
        "select u.subject_id, u.kind, u.token from unnest($1::text[], $2::text[]) as wanted (subject_id, kind)"
        " join unsubscribe_token u using (subject_id, kind)",
        subjects,
        kinds,
    )
    found = {(row["subject_id"], row["kind"]): str(row["token"]) for row in rows}
    missing = [pair for pair in pairs if pair not in found]
    if missing:
        rows = await connection.fetch(
            "insert into unsubscribe_token (token, subject_id, kind) select * from unnest($1::text[], $2::text[], $3::text[])"
            " on conflict (subject_id, kind) do update set kind = excluded.kind returning subject_id, kind, token",
            [fresh() for _ in missing],
            [subject for subject, _ in missing],
            [kind for _, kind in missing],
        )
        found |= {(row["subject_id"], row["kind"]): str(row["token"]) for row in rows}
    return found


async def behind_token(connection: Connection, token: str) -> tuple[str, str] | None:
    """Subject and kind of an unsubscribe token."""
    row = await connection.fetchrow("select subject_id, kind from unsubscribe_token where token = $1", token)
    return None if row is None else (row["subject_id"], row["kind"])
