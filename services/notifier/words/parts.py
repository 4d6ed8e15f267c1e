"""What a notice is made of, before it becomes a mail or a line of the bell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.notifier.language import Language

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a page of the node; `path` is local and begins with a slash."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Words:
    """One notice in one language. Texts of members are in here as they wrote them; templates escape them."""

    title: str
    """Subject of the mail and first line in the bell."""
    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value, such as the amount."""
    quote: str = ""
    """Somebody's own text, shown apart from ours."""
    items: tuple[Link, ...] = ()
    action: Link | None = None
    notes: tuple[str, ...] = ()
    """What stands below the action in a mail."""


Writer = Callable[[Language, Params], Words]
