"""How good a match is, in 0..1, and why: reasons with codes and parameters that others turn into sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, exp, radians, sin, sqrt
from typing import NamedTuple

from services.matcher.domain.documents import OTHER_SIDE, Document, Side, Tag
from services.matcher.domain.rules import KINDS, WORTH, Kind

DAY_MS = 86_400_000
EARTH_KM = 6371.0087714
"""Mean radius, as the search engine takes it."""

TAGS_SHARE, MUTUAL_SHARE, TRADING_SHARE, NEAR_SHARE, NEW_SHARE, BALANCE_SHARE = 0.55, 0.15, 0.1, 0.08, 0.06, 0.06
"""What the parts of a score come to at most; together 1."""
WORTH_HALF = 150
"""Tags of so much worth together bring half of their share."""
NEAR_KM, NEW_DAYS = 20.0, 14.0
"""Distance and age at which the worth of being near or new has fallen to about a third."""
REASON_KM_MAX, REASON_DAYS_MAX = 25.0, 14


class Pair(NamedTuple):
    """A tag of mine and the tag of theirs that it meets; `side` is the list that mine is in."""

    side: Side
    mine: str
    theirs: str
    kind: Kind
    at: int
    """When both stood, in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code and what its sentence needs."""

    code: str
    params: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Scored:
    """A counterpart with its score and the reasons behind it."""

    document: Document
    score: float
    pairs: tuple[Pair, ...]
    reasons: tuple[Reason, ...]
    distance_km: float | None

    @property
    def mutual(self) -> bool:
        """Whether each offers what the other wants."""
        return len({pair.side for pair in self.pairs}) == 2

    @property
    def at(self) -> int:
        """When the newest of the pairs appeared."""
        return max(pair.at for pair in self.pairs)


def pairs_of(
    mine: Mapping[Side, Sequence[Tag]],
    other: Document,
    kinds: Mapping[tuple[Side, str], Mapping[str, Kind]],
    since: int,
) -> list[Pair]:
    """Best pair for each of my tags with what the other has on the other side, from `since` on; best and newest first."""
    found: list[Pair] = []
    for side, tags in mine.items():
        theirs = other.side(OTHER_SIDE[side])
        for tag, at in tags:
            met = kinds[side, tag]
            pairs = [
                Pair(side, tag, their, met[their], max(at, their_at))
                for their, their_at in theirs
                if their in met and max(at, their_at) >= since
            ]
            if pairs:
                found.append(min(pairs, key=_rank))
    return sorted(found, key=_rank)


def _rank(pair: Pair) -> tuple[int, int, str, str]:
    return KINDS.index(pair.kind), -pair.at, pair.mine, pair.theirs


def score(me: Document, other: Document, pairs: Sequence[Pair], now: int) -> Scored:
    """What the match with `other` is worth to me; `pairs` is not empty, `now` in Unix milliseconds."""
    worth = sum(WORTH[pair.kind] for pair in pairs)
    sides = {pair.side for pair in pairs}
    distance = distance_between(me, other)
    days = max(0.0, (now - max(pair.at for pair in pairs)) / DAY_MS)
    helps = helps_both(me, other, sides)
    value = (
        TAGS_SHARE * worth / (worth + WORTH_HALF)
        + MUTUAL_SHARE * (len(sides) == 2)
        + TRADING_SHARE * other.trading
        + (NEAR_SHARE * exp(-distance / NEAR_KM) if distance is not None else 0.0)
        + NEW_SHARE * exp(-days / NEW_DAYS)
        + BALANCE_SHARE * helps
    )
    reasons = _reasons(other, pairs, sides, distance, days, helps)
    return Scored(other, round(min(1.0, value), 4), tuple(pairs), tuple(reasons), distance)


def _reasons(
    other: Document, pairs: Sequence[Pair], sides: set[Side], distance: float | None, days: float, helps: bool
) -> list[Reason]:
    counts = {side: sum(pair.side == side for pair in pairs) for side in ("offers", "wants")}
    reasons = [Reason("best_kind", {"kind": pairs[0].kind})]
    if counts["offers"]:
        reasons.append(Reason("offers_wanted", {"count": counts["offers"]}))
    if counts["wants"]:
        reasons.append(Reason("wants_offered", {"count": counts["wants"]}))
    if len(sides) == 2:
        reasons.append(Reason("mutual", {}))
    if other.trading:
        reasons.append(Reason("trading", {}))
    if distance is not None and distance <= REASON_KM_MAX:
        reasons.append(Reason("distance", {"km": round(distance)}))
    if days <= REASON_DAYS_MAX:
        reasons.append(Reason("new", {"days": int(days)}))
    if helps:
        reasons.append(Reason("balance", {}))
    return reasons


def helps_both(me: Document, other: Document, sides: set[Side]) -> bool:
    """Whether a trade would bring both balances nearer to zero: whoever offers is below, whoever wants is above."""
    selling = "offers" in sides and me.band < 0 < other.band
    buying = "wants" in sides and other.band < 0 < me.band
    return selling or buying


def distance_between(a: Document, b: Document) -> float | None:
    """Kilometres between two entities; None unless both gave a place."""
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    return kilometres(a.latitude, a.longitude, b.latitude, b.longitude)


def kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance by the haversine formula."""
    y, other_y = radians(latitude), radians(other_latitude)
    chord = sin((other_y - y) / 2) ** 2 + cos(y) * cos(other_y) * sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(chord)))
