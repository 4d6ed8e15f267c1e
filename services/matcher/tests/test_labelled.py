"""Real-life pairs of tags in four languages: which must match and which must not, with recall and precision, on both doors.

`labelled/pairs.csv`: the tag that is asked for, the tag that an entity has, and what a person would say.
"""

import asyncio
import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from services.matcher.domain.rules import kind_of
from services.matcher.domain.words import normal_tag, words_of_tag
from services.matcher.index.port import Index
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.search import SearchCommand, search
from services.matcher.tests.builders import an_entity, an_id, deps_of, fill

RECALL_MIN, PRECISION_MIN = 0.95, 0.9
AT_ONCE = 8


class Pair(NamedTuple):
    language: str
    kind: str
    asked: str
    held: str
    match: bool


def pairs() -> list[Pair]:
    with (Path(__file__).parent / "labelled" / "pairs.csv").open(encoding="utf-8", newline="") as file:
        return [Pair(row[0], row[1], row[2], row[3], row[4] == "yes") for row in list(csv.reader(file))[1:]]


def table(outcomes: Iterable[tuple[Pair, bool]]) -> tuple[str, float, float]:
    """Recall and precision by kind and language, and over all."""
    outcomes = list(outcomes)
    groups = [(pair.kind, pair.language, f"{pair.language} {pair.kind}") for pair, _ in outcomes]
    names = [name for place in range(3) for name in dict.fromkeys(group[place] for group in groups)]
    chosen = ((name, [each for each, group in zip(outcomes, groups, strict=True) if name in group]) for name in names)
    lines = [f"{'':<24}{'pairs':>6}{'recall':>8}{'precision':>10}", *(_line(*each) for each in chosen)]
    lines.append(_line("all", outcomes))
    recall, precision = _figures(outcomes)
    assert recall is not None
    assert precision is not None
    return "\n".join(lines), recall, precision


def _line(name: str, outcomes: list[tuple[Pair, bool]]) -> str:
    shown = ["    -" if figure is None else f"{figure:.3f}" for figure in _figures(outcomes)]
    return f"{name:<24}{len(outcomes):>6}{shown[0]:>8}{shown[1]:>10}"


def _figures(outcomes: list[tuple[Pair, bool]]) -> tuple[float | None, float | None]:
    """Recall, and precision: of a group that must not match at all, the share that did not."""
    tally = Counter((pair.match, matched) for pair, matched in outcomes)
    wanted = tally[True, True] + tally[True, False]
    found = tally[True, True] + tally[False, True]
    if not wanted:
        return None, tally[False, False] / (tally[False, False] + tally[False, True])
    return tally[True, True] / wanted, tally[True, True] / found if found else None


def test_there_are_enough_pairs_of_every_kind_in_every_language():
    found = Counter((pair.language, pair.kind) for pair in pairs())
    assert found.total() >= 400
    kinds = ("inflection", "compound", "typo", "translation", "near")
    assert all(found[language, kind] >= 20 for language in ("en", "es", "fr", "de") for kind in kinds)


def test_the_rules_reach_recall_and_precision(lexicon: NodeLexicon):
    def matched(pair: Pair) -> bool:
        words = [words_of_tag(normal_tag(tag)) for tag in (pair.asked, pair.held)]
        return kind_of(words[0], words[1], lexicon) is not None

    shown, recall, precision = table((pair, matched(pair)) for pair in pairs())
    print(shown)  # noqa: T201  seen with `pytest -s`
    assert recall >= RECALL_MIN
    assert precision >= PRECISION_MIN


async def test_both_doors_say_what_the_rules_say(index: Index, lexicon: NodeLexicon):
    chosen = pairs()
    await fill(index, *(an_entity(number, offers=[normal_tag(pair.held)]) for number, pair in enumerate(chosen)))
    deps = deps_of(index)
    gate = asyncio.Semaphore(AT_ONCE)

    async def found(number: int, pair: Pair) -> bool:
        async with gate:
            return (await search(deps, SearchCommand(offers=(pair.asked,), ids=(an_id(number),)))).total == 1

    outcomes = await asyncio.gather(*(found(number, pair) for number, pair in enumerate(chosen)))
    differing = [
        pair
        for pair, was_found in zip(chosen, outcomes, strict=True)
        if was_found
        != (kind_of(words_of_tag(normal_tag(pair.asked)), words_of_tag(normal_tag(pair.held)), lexicon) is not None)
    ]
    assert differing == []
    shown, recall, precision = table(zip(chosen, outcomes, strict=True))
    print(shown)  # noqa: T201  seen with `pytest -s`
    assert recall >= RECALL_MIN
    assert precision >= PRECISION_MIN


@pytest.mark.parametrize(("mine", "theirs", "kind"), [
    ("vegetables", "vegetables", "exact"),
    ("vegetables", "organic-vegetables", "part"),
    ("craft-beer", "beer", "part"),
    ("garden", "gardening", "part"),
    ("vegetables", "vegetalbes", "fuzzy"),
    ("painting", "printing", None),
    ("baking", "banking", None),
    ("café", "cafe", "exact"),
    ("vegetables", "vegetable", "exact"),
    ("ab", "ac", None),
    ("organic", "organ", "part"),
    ("3d-printing", "2d-printing", None),
])  # fmt: skip
def test_the_examples_of_the_rules(lexicon: NodeLexicon, mine: str, theirs: str, kind: str | None):
    words = words_of_tag(mine), words_of_tag(theirs)
    assert kind_of(words[0], words[1], lexicon) == kind
    assert kind_of(words[1], words[0], lexicon) == kind
