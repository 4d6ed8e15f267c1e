"""The directory's questions: search, how many members a tag would match, and which tags begin like this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from libs.common.errors import Refusal
from services.matcher.domain.documents import OTHER_SIDE, Document, Side
from services.matcher.domain.rules import KINDS
from services.matcher.domain.score import Reason
from services.matcher.domain.words import fold, normal_tag, words_of_tag, words_of_text
from services.matcher.index.port import Asked, Order, Place, Query, words_of_name
from services.matcher.service.deps import Deps
from services.matcher.vocabulary import Met, TagVocabulary

WORDS_OF_TAG_MAX = 10
WORDS_OF_NAME_MAX = 10
SUGGESTED_LOOKED_AT_MAX = 200


@dataclass(frozen=True, slots=True)
class SearchCommand:
    """What somebody typed, within the lengths of the API. Times in Unix milliseconds."""

    offers: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    name: str = ""
    category: str = ""
    tagged_since: int = 0
    ids: tuple[str, ...] | None = None
    latitude: float | None = None
    longitude: float | None = None
    distance_km: float | None = None
    order: Order = "relevance"
    page: int = 1
    page_size: int = 10
    reasons: bool = True
    """Whether it is wanted why each was found."""


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """One page and why each was found, where that was wanted."""

    ids: list[str]
    total: int
    how: dict[str, list[Reason]]


class Wanted(NamedTuple):
    """A tag as it was asked for, and what it means."""

    side: Side
    text: str
    met: Met


async def search(deps: Deps, command: SearchCommand) -> SearchAnswer:
    """One page of the listed entities (DI-01 to DI-05). Refusal 400 `place_missing` without the place it needs."""
    wanted = _wanted_tags(deps.index.tags, command)
    name = [deps.index.names.meet(word) for word in _words_of_name(command.name)]
    query = _query(command, wanted, name)
    if not command.reasons:
        return SearchAnswer(*await deps.index.found_ids(query), {})
    found = await deps.index.search(query)
    how = {document.entity_id: _reasons(document, wanted or (), name) for document in found.documents}
    return SearchAnswer([document.entity_id for document in found.documents], found.total, how)


async def count(deps: Deps, *, kind: Side, tag: str) -> int:
    """How many listed members my tag would match: my offer those who want it, my want those who offer it."""
    asked = Asked(OTHER_SIDE[kind], 1, deps.index.tags.meet(words_typed(tag)))
    return await deps.index.count(Query(asked=(asked,)))


async def suggest(deps: Deps, *, text: str, kind: Side | None, limit: int) -> list[tuple[str, int]]:
    """Tags of listed entities: those that begin with the text first, then those that contain it; most used first."""
    beginning, containing = deps.index.tags.suggest(normal_tag(text))
    suggested: list[tuple[str, int]] = []
    for tags in (beginning, containing):
        counts: dict[str, int] = {}
        candidates = sorted(tags, key=lambda tag: (len(tag), tag))
        for start in range(0, len(candidates), SUGGESTED_LOOKED_AT_MAX):
            counts |= await deps.index.tag_counts(candidates[start : start + SUGGESTED_LOOKED_AT_MAX], kind)
        used = [(tag, number) for tag, number in counts.items() if number]
        suggested += sorted(used, key=lambda each: (-each[1], each[0]))
        if len(suggested) >= limit:
            break
    return suggested[:limit]


def words_typed(text: str) -> tuple[str, ...]:
    """The folded words of a tag as somebody typed it; more than any tag has are not looked at."""
    return words_of_tag(normal_tag(text))[:WORDS_OF_TAG_MAX]


def _words_of_name(name: str) -> tuple[str, ...]:
    """The words asked for; something without a letter or digit is a word that no name has."""
    words = tuple(dict.fromkeys(words_of_text(name)))[:WORDS_OF_NAME_MAX]
    return words or (("\x00",) if name.strip() else ())


def _wanted_tags(vocabulary: TagVocabulary, command: SearchCommand) -> tuple[Wanted, ...] | None:
    lists: tuple[tuple[Side, tuple[str, ...]], ...] = (("offers", command.offers), ("wants", command.wants))
    typed = [(side, text) for side, texts in lists for text in texts if text.strip()]
    if not typed:
        return None
    return tuple(Wanted(side, text, vocabulary.meet(words_typed(text))) for side, text in typed)


def _query(command: SearchCommand, wanted: tuple[Wanted, ...] | None, name: Sequence[Met]) -> Query:
    return Query(
        asked=None if wanted is None else _asked(wanted, command.tagged_since),
        name=tuple(name),
        category=fold(normal_tag(command.category)) if command.category.strip() else None,
        tagged_since=command.tagged_since if wanted is None else 0,
        ids=None if command.ids is None else frozenset(command.ids),
        place=_place(command),
        order=command.order,
        offset=(command.page - 1) * command.page_size,
        size=command.page_size,
    )


def _asked(wanted: Sequence[Wanted], since: int) -> tuple[Asked, ...]:
    """Earlier tags weigh more."""
    left: dict[Side, int] = {side: sum(each.side == side for each in wanted) for side in OTHER_SIDE}
    asked = []
    for each in wanted:
        asked.append(Asked(each.side, left[each.side], each.met, since))
        left[each.side] -= 1
    return tuple(asked)


def _place(command: SearchCommand) -> Place | None:
    if command.latitude is not None and command.longitude is not None:
        return Place(command.latitude, command.longitude, command.distance_km)
    if command.distance_km is not None or command.order == "distance":
        raise Refusal.of(400, "place_missing", "A distance needs a place to be measured from.", "distance_km")
    return None


def _reasons(document: Document, wanted: Sequence[Wanted], name: Sequence[Met]) -> list[Reason]:
    reasons: list[Reason] = []
    for each in wanted:
        best = _best([tag.tag for tag in document.side(each.side)], each.met)
        if best is not None:
            reasons.append(
                Reason("tag", {"side": each.side, "asked": each.text, "found": best, "kind": each.met.kinds[best]})
            )
    names = [met.kinds[best] for met in name if (best := _best(words_of_name(document), met)) is not None]
    if names:
        reasons.append(Reason("name", {"kind": max(names, key=KINDS.index)}))
    if document.trading:
        reasons.append(Reason("trading", {}))
    return reasons


def _best(found: Sequence[str], met: Met) -> str | None:
    kinds: Mapping[str, str] = met.kinds
    return min((each for each in found if each in kinds), key=lambda each: KINDS.index(met.kinds[each]), default=None)
