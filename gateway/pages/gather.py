"""Asking several owners at once; a part that is missing says so and the rest of the page stands."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.common.errors import Refusal

T = TypeVar("T")
AWAY_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What one owner answered, or that it is away just now."""

    value: T | None
    away: bool = False

    @property
    def here(self) -> bool:
        return not self.away


async def part_of(answer: Awaitable[T]) -> Part[T]:
    """One owner's answer. Any refusal but an outage is the page's own business and is raised."""
    try:
        return Part(await answer)
    except Refusal as refusal:
        if refusal.status not in AWAY_STATUSES:
            raise
        return Part(None, away=True)
