"""Pairs of entities that were found to match: each once per side, told once; and the daily mail's own memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.database import Connection


@dataclass(frozen=True, slots=True)
class Pair:
    """One side of a match: what the entity has (`side` says whether as an offer or a want) and what the other has."""

    entity_id: str
    other_id: str
    side: str
    mine: str
    theirs: str
    how: str
    score: float
    found_at: datetime


async def add_pair(connection: Connection, pair: Pair) -> bool:
    """Keeps one side of a match; False where it is known."""
    return (
        await connection.fetchval(
            "insert into match (entity_id, other_id, side, mine, theirs, how, score, found_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning 1",
            pair.entity_id,
            pair.other_id,
            pair.side,
            pair.mine,
            pair.theirs,
            pair.how,
            pair.score,
            pair.found_at,
        )
        is not None
    )


async def due_for_digest(connection: Connection, day: date, limit: int) -> list[str]:
    """Entities that want the daily mail, have something untold, and did not get this day's; each locked to us."""
    rows = await connection.fetch(
        "select e.entity_id from entity e where e.listed and not e.deleted and coalesce((select p.wanted from preference p"
        " where p.subject_id = e.entity_id and p.kind = 'daily_matches' and p.channel = 'mail'), e.daily_matches)"
        " and exists (select from match m where m.entity_id = e.entity_id and not m.told)"
        " and not exists (select from digest d where d.entity_id = e.entity_id and d.day = $1)"
        " order by e.entity_id limit $2 for update of e skip locked",
        day,
        limit,
    )
    return [row["entity_id"] for row in rows]


async def begin_digest(connection: Connection, entity_id: str, day: date) -> bool:
    """Takes this day's mail for this entity; False where another process has."""
    return (
        await connection.fetchval(
            "insert into digest (entity_id, day) values ($1, $2) on conflict do nothing returning 1", entity_id, day
        )
        is not None
    )


async def tell_untold(connection: Connection, entity_id: str) -> list[Pair]:
    """Marks as told, and answers best first, what is untold and true: both are listed and still have these tags.

    What is not true just now stays untold; it may become true again.
    """
    rows = await connection.fetch(
        "with told as (update match m set told = true from entity me, entity other"
        " where m.entity_id = $1 and not m.told and me.entity_id = m.entity_id and other.entity_id = m.other_id"
        " and me.listed and other.listed"
        " and m.mine = any(case when m.side = 'offer' then me.offers else me.wants end)"
        " and m.theirs = any(case when m.side = 'offer' then other.wants else other.offers end) returning m.*)"
        " select entity_id, other_id, side, mine, theirs, how, score, found_at from told"
        " order by score desc, found_at desc, other_id, mine, theirs",
        entity_id,
    )
    return [Pair(**dict(row)) for row in rows]


async def mark_seen(connection: Connection, entity_ids: Sequence[str]) -> None:
    """These entities have seen their matches on the web."""
    await connection.execute(
        "update match set told = true where entity_id = any($1::text[]) and not told", list(entity_ids)
    )


async def mark_dismissed(connection: Connection, entity_id: str, other_id: str) -> None:
    """The entity does not want to hear of this other one's matches up to now."""
    await connection.execute(
        "update match set told = true where entity_id = $1 and other_id = $2 and not told", entity_id, other_id
    )


async def forget_old_digests(connection: Connection, before: date) -> None:
    """Drops the memory of old daily mails."""
    await connection.execute("delete from digest where day < $1", before)
