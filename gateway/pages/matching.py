"""The best current matches of a member, each with the person behind it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from gateway.clients.directory import Entity
from gateway.clients.matcher import Match
from gateway.pages.gather import Part, part_of
from gateway.pages.screen import Screen


@dataclass(frozen=True, slots=True)
class Meeting:
    """A match and whom it is with."""

    match: Match
    entity: Entity


async def since_when(screen: Screen, entity: Entity | None) -> datetime | None:
    """MA-03: the previous login, where the member wants to see only what is new since then. None: everything."""
    if entity is None or not entity.get("show_matches_since_last_login"):
        return None
    me = await part_of(screen.clients.identity.me(screen.caller()))
    previous = me.value.get("previous_login_at") if me.value else None
    return datetime.fromisoformat(previous) if previous else None


async def best_matches(
    screen: Screen, entity_id: str, *, limit: int, since: datetime | None = None
) -> Part[list[Meeting]]:
    """Best first, without those that the member dismissed. Away where matcher or directory is."""
    found, dismissed = await asyncio.gather(
        part_of(screen.clients.matcher.matches(screen.own_caller(), entity_id, since=since, limit=limit + 20)),
        part_of(screen.clients.directory.dismissed(screen.caller(), entity_id)),
    )
    if found.value is None or dismissed.value is None:
        return Part(None, away=True)
    hidden = set(dismissed.value)
    chosen = [match for match in found.value["items"] if match["entity_id"] not in hidden][:limit]
    if not chosen:
        return Part([])
    ids = [match["entity_id"] for match in chosen]
    entities = await part_of(screen.clients.directory.fetch(screen.caller(), ids, viewer_entity_id=entity_id))
    if entities.value is None:
        return Part(None, away=True)
    by_id = {entity["id"]: entity for entity in entities.value}
    return Part([Meeting(match, by_id[match["entity_id"]]) for match in chosen if match["entity_id"] in by_id])
