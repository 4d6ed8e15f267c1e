"""When two tags match, and how well: exact, part or fuzzy. The only place where this is decided."""

from collections.abc import Sequence
from typing import Literal, Protocol

Kind = Literal["exact", "part", "fuzzy"]
KINDS: tuple[Kind, ...] = ("exact", "part", "fuzzy")

WORTH: dict[Kind, int] = {"exact": 100, "part": 60, "fuzzy": 40}
"""How much a match counts for, in whole numbers so that every index adds up to the same sum."""

PREFIX_LETTERS_MIN = 5
SHORT_LETTERS, MIDDLE_LETTERS = 2, 5


class Lexicon(Protocol):
    """What is known about the words of the node's languages."""

    def forms(self, word: str) -> frozenset[str]:
        """The folded word itself and its singular forms; words that share a form are the same word."""

    def is_real(self, word: str) -> bool:
        """Whether the folded word is known to be right as it is written."""


def kind_of(mine: Sequence[str], theirs: Sequence[str], lexicon: Lexicon) -> Kind | None:
    """How the words of two tags match; the same in both directions; None where they do not."""
    if not mine or not theirs:
        return None
    if len(mine) == len(theirs) and all(same(a, b, lexicon) for a, b in zip(mine, theirs, strict=True)):
        return "exact"
    if is_part(mine, theirs, lexicon):
        return "part"
    if len(mine) == len(theirs) and all(near(a, b, lexicon) for a, b in zip(mine, theirs, strict=True)):
        return "fuzzy"
    return None


def same(a: str, b: str, lexicon: Lexicon) -> bool:
    """Whether two folded words are one word: equal, or singular and plural of each other."""
    return a == b or not lexicon.forms(a).isdisjoint(lexicon.forms(b))


def same_in_part(a: str, b: str, lexicon: Lexicon) -> bool:
    """As `same`, and also when one begins with the other and the shorter has at least five letters."""
    if same(a, b, lexicon):
        return True
    return any(begins(x, y) for x in lexicon.forms(a) for y in lexicon.forms(b))


def begins(a: str, b: str) -> bool:
    """Whether one of the words begins with the other, which is long enough to mean something."""
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    return len(shorter) >= PREFIX_LETTERS_MIN and longer.startswith(shorter)


def is_part(mine: Sequence[str], theirs: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether the words of one are a contiguous run of the words of the other."""
    shorter, longer = (mine, theirs) if len(mine) <= len(theirs) else (theirs, mine)
    return any(
        all(same_in_part(word, longer[start + offset], lexicon) for offset, word in enumerate(shorter))
        for start in range(len(longer) - len(shorter) + 1)
    )


def near(a: str, b: str, lexicon: Lexicon) -> bool:
    """Whether one of two words may be a slip of the pen for the other; two real words never are."""
    if same(a, b, lexicon):
        return True
    if lexicon.is_real(a) and lexicon.is_real(b):
        return False
    return any(slipped(x, y) for x in lexicon.forms(a) for y in lexicon.forms(b))


def slips_allowed(letters: int) -> int:
    """How many slips a word of so many letters may have."""
    if letters <= SHORT_LETTERS:
        return 0
    return 1 if letters <= MIDDLE_LETTERS else 2


def slipped(a: str, b: str) -> bool:
    """Whether the words are within the distance that their length allows (the shorter one's) and begin alike."""
    allowed = slips_allowed(min(len(a), len(b)))
    if allowed == 0 or abs(len(a) - len(b)) > allowed:
        return a == b
    if a[0] != b[0]:
        return a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]
    return distance(a, b) <= allowed


def _without_common_ends(a: str, b: str) -> tuple[str, str]:
    shorter = min(len(a), len(b))
    start = 0
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return a[start : len(a) - end], b[start : len(b) - end]


def distance(a: str, b: str) -> int:
    """Optimal string alignment: insert, delete, replace or transpose two neighbours, each counts one.

    After L. Boytsov, "Indexing methods for approximate dictionary searching" (2011), section 2.1. What the words begin and
    end with in common counts nothing and is left out first.
    """
    a, b = _without_common_ends(a, b)
    if not a or not b:
        return len(a) + len(b)
    before_last: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        before_last, last = last, row
    return last[-1]
