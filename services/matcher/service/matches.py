"""Potential trades: the best counterparts of an entity, and telling those that a change of tags made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.contracts.matcher import MatchFoundV1
from libs.common.envelope import Envelope
from libs.common.ids import derived_id
from services.matcher.domain import score
from services.matcher.domain.documents import OTHER_SIDE, Document, Side, Tag
from services.matcher.domain.score import Pair, Scored
from services.matcher.domain.words import words_of_tag
from services.matcher.index.port import Asked, Query
from services.matcher.service.deps import Deps
from services.matcher.vocabulary import Met

TOLD_MAX = 50
"""Counterparts that one change of tags is told of at most: the best."""
LOOKED_AT_PER_SHOWN = 2
Mine = dict[Side, tuple[Tag, ...]]
"""My offers and wants, or some of them."""
TRADING_POINTS = 40
BALANCE_POINTS = 20


class NotTold(Exception):  # noqa: N818
    """The bus did not take all that was to be told: again later."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The best counterparts, and how many there are in all."""

    items: list[Scored]
    total: int


async def matches(deps: Deps, entity_id: str, *, since: int, limit: int) -> Matches:
    """The best counterparts (MA-01), of which something appeared at `since` (Unix milliseconds) or later."""
    me = await deps.index.get(entity_id)
    if me is None or me.gone:
        return Matches([], 0)
    mine: Mine = {"offers": me.offers, "wants": me.wants}
    met = _met(deps, mine)
    if not met:
        return Matches([], 0)
    found = await deps.index.search(_query(me, mine, met, since=since, size=limit * LOOKED_AT_PER_SHOWN))
    return Matches(_scored(deps, me, mine, met, found.documents, since)[:limit], found.total)


async def tell(deps: Deps, me: Document, added: Mine) -> int:
    """Tells the best counterparts of these tags of mine, each with an id that follows from the pair; how many events."""
    if not me.listed or not any(added.values()):
        return 0
    met = _met(deps, added)
    best = _scored(deps, me, added, met, await deps.index.best(_query(me, added, met, since=0, size=TOLD_MAX)), 0)
    envelopes = [
        _told(me, found, pair)
        for found in best
        if me.entity_id not in found.document.dismissed
        for pair in _best_by_side(found)
    ]
    if envelopes:
        taken = await deps.bus.publish(envelopes)
        if len(taken) < len(envelopes):
            raise NotTold(f"the bus took {len(taken)} of {len(envelopes)} matches")
    return len(envelopes)


def _query(me: Document, mine: Mine, met: Mapping[tuple[Side, str], Met], *, since: int, size: int) -> Query:
    return Query(
        asked=_asked(mine, met, since),
        either_side=True,
        without=me.dismissed | {me.entity_id},
        trading_first=False,
        trading_points=TRADING_POINTS,
        band_points=_band_points(me.band),
        size=size,
    )


def _met(deps: Deps, mine: Mine) -> dict[tuple[Side, str], Met]:
    """What each of my tags means."""
    return {(side, tag): deps.index.tags.meet(words_of_tag(tag)) for side, tags in mine.items() for tag, _ in tags}


def _scored(
    deps: Deps, me: Document, mine: Mine, met: Mapping[tuple[Side, str], Met], found: Iterable[Document], since: int
) -> list[Scored]:
    """Best first."""
    kinds, now = {key: each.kinds for key, each in met.items()}, deps.now_ms()
    pairs = ((other, score.pairs_of(mine, other, kinds, since)) for other in found)
    scored = [score.score(me, other, of_other, now) for other, of_other in pairs if of_other]
    return sorted(scored, key=lambda each: (-each.score, each.document.entity_id))


def _asked(mine: Mine, met: Mapping[tuple[Side, str], Met], since: int) -> tuple[Asked, ...]:
    """A tag of mine that is new enough meets old ones; an older one meets only new ones."""
    return tuple(
        Asked(OTHER_SIDE[side], 1, met[side, tag.tag], 0 if tag.at >= since else since)
        for side, tags in mine.items()
        for tag in tags
    )


def _band_points(band: int) -> dict[int, int]:
    """For those on the other side of zero."""
    if band == 0:
        return {}
    return {other: BALANCE_POINTS for other in (-2, -1, 1, 2) if other * band < 0}


def _best_by_side(found: Scored) -> Iterable[Pair]:
    """The best pair of each direction; pairs come best first."""
    return {pair.side: pair for pair in reversed(found.pairs)}.values()


def _told(me: Document, found: Scored, pair: Pair) -> Envelope:
    other = found.document.entity_id
    i_offer = pair.side == "offers"
    offering, wanting = (me.entity_id, other) if i_offer else (other, me.entity_id)
    offer, want = (pair.mine, pair.theirs) if i_offer else (pair.theirs, pair.mine)
    at = datetime.fromtimestamp(pair.at / 1000, UTC)
    event = MatchFoundV1(
        offering_entity_id=offering,
        wanting_entity_id=wanting,
        offer=offer,
        want=want,
        kind=pair.kind,
        score=found.score,
        found_at=at,
    )
    told_id = derived_id("match.found", offering, wanting, offer, want)
    return event.envelope(subject=f"{offering}/{wanting}", sequence=0, time=at, id=told_id)


def added_since(document: Document, moment: int) -> Mine:
    """Its tags that were added at this moment or later; a tag that stays keeps its date."""
    return {
        "offers": tuple(tag for tag in document.offers if tag.at >= moment),
        "wants": tuple(tag for tag in document.wants if tag.at >= moment),
    }
