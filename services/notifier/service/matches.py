"""Matches: kept once per pair, counted in the bell, and told by one mail a day (MA-05, EM-08)."""

from datetime import date

from libs.common.contracts.matcher import MatchFoundV1
from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.ids import derived_id
from services.notifier.domain import NewNotice
from services.notifier.service.deps import Deps
from services.notifier.service.telling import hear, tell
from services.notifier.store import matches, notices, people
from services.notifier.store.matches import Pair

DIGEST_BATCH_MAX = 50


async def match_found(deps: Deps, envelope: Envelope, event: MatchFoundV1) -> None:
    """Each side of the pair gets its row; the bell counts a day's new ones."""
    if event.offering_entity_id == event.wanting_entity_id:
        return
    sides = (
        (event.offering_entity_id, event.wanting_entity_id, "offer", event.offer, event.want),
        (event.wanting_entity_id, event.offering_entity_id, "want", event.want, event.offer),
    )
    day = envelope.time.astimezone(deps.settings.zone).date().isoformat()

    async def effect(connection: Connection) -> None:
        for me, other, side, mine, theirs in sorted(sides):
            pair = Pair(me, other, side, mine, theirs, event.kind, event.score, event.found_at)
            if await matches.add_pair(connection, pair):
                await notices.count_up(
                    connection,
                    derived_id("match_found", me, day),
                    envelope.id,
                    kind="match_found",
                    entity_id=me,
                    at=envelope.time,
                )

    await hear(deps, envelope, effect)


async def matches_seen(deps: Deps, user_id: str, entity_id: str) -> None:
    """Somebody of the entity looked at its matches: the next daily mail begins after this. Refusal 403 for others."""
    async with transaction(deps.pool) as connection:
        if entity_id not in await people.entities_of(connection, user_id):
            raise Refusal.of(403, "not_yours", "You do not act for this entity.", "entity_id")
        await matches.mark_seen(connection, [entity_id])


async def mail_daily_matches(deps: Deps) -> int:
    """Writes this day's mails, from the hour of the settings on; how many. Any number of processes may do it at once."""
    local = deps.clock().astimezone(deps.settings.zone)
    if local.hour < deps.settings.digest_hour:
        return 0
    written = 0
    while True:
        async with transaction(deps.pool) as connection:
            entities = await matches.due_for_digest(connection, local.date(), DIGEST_BATCH_MAX)
            for entity_id in entities:
                written += await _mail_one(deps, connection, entity_id, local.date())
        if len(entities) < DIGEST_BATCH_MAX:
            break
    if written:
        deps.wake()
    return written


async def _mail_one(deps: Deps, connection: Connection, entity_id: str, day: date) -> int:
    if not await matches.begin_digest(connection, entity_id, day):
        return 0
    pairs = await matches.tell_untold(connection, entity_id)
    if not pairs:
        return 0
    names = await people.names_of(connection, [pair.other_id for pair in pairs])
    told = [
        {
            "other_id": pair.other_id,
            "other": names[pair.other_id],
            "side": pair.side,
            "mine": pair.mine,
            "theirs": pair.theirs,
        }
        for pair in pairs
    ]
    event_id = derived_id("digest", entity_id, day.isoformat())
    await tell(deps, connection, event_id, deps.clock(), [NewNotice("daily_matches", entity_id, {"pairs": told})])
    return 1
