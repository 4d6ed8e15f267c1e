"""Asking several owners at once; a part that is missing says so and the rest of the page stands."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.common.errors import Refusal

T = TypeVar("T")
AWAY_STATUSES = frozenset({429, 502, 503, 504})
NOT_KNOWN_STATUSES = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What one owner answered, or that it is away just now."""

    value: T | None
    away: bool = False

    @property
    def here(self) -> bool:
        return not self.away


async def part_of(answer: Awaitable[T], *, may_be_unknown: bool = False) -> Part[T]:
    """One owner's answer. Any refusal but an outage is the page's own business and is raised.

    `may_be_unknown`: while versions change, an owner that does not know the question yet counts as away.
    """
    try:
        return Part(await answer)
    except Refusal as refusal:
        if refusal.status not in AWAY_STATUSES and not (may_be_unknown and refusal.status in NOT_KNOWN_STATUSES):
            raise
        return Part(None, away=True)
