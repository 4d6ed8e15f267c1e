"""Odd input: whatever is typed is text, gets an answer, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matcher.bench.community import Community
from services.matcher.domain.rules import kind_of
from services.matcher.domain.words import words_of_tag, words_of_text
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Index
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.search import SearchCommand, count, search, suggest
from services.matcher.tests.builders import an_entity, deps_of, fill
from services.matcher.vocabulary import NameVocabulary, TagVocabulary

TEXT = st.text(max_size=200)
LONG = "abcdefghij " * 18
ODD = [
    "\x00" * 200,
    "\u202e\u200f" * 100,
    "a" * 200,
    LONG,
    "-" * 200,
    "𝒷𝓇ℯ𝒶𝒹" * 40,
    "ก็" * 90,
    "/.*/ AND (x OR y~2)^3 \\",
    "%_[]{}<>|&!",
]


@pytest.mark.parametrize("text", ODD)
async def test_odd_text_gets_an_answer_on_every_door(index: Index, text: str):
    await fill(index, an_entity(1, offers=["bread"], name="Bakery"))
    deps = deps_of(index)
    for command in (
        SearchCommand(offers=(text,) * 20, wants=(text,) * 20),
        SearchCommand(name=text),
        SearchCommand(category=text),
        SearchCommand(offers=("bread", text), name="Bakery"),
    ):
        answer = await search(deps, command)
        assert answer.total == len(answer.ids)
    assert await count(deps, kind="offers", tag=text) == 0
    assert len(await suggest(deps, text=text, kind=None, limit=50)) <= 1


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT)
def test_any_text_becomes_words_that_a_vocabulary_can_be_asked_for(text: str, other: str):
    lexicon = NodeLexicon(("en", "es", "fr", "de"))
    tags, names = TagVocabulary(lexicon), NameVocabulary(lexicon)
    tags.add([text])
    names.add(words_of_text(text))
    assert all(tag == text for tag in tags.meet(words_of_tag(other)[:10]).kinds)
    for word in words_of_text(other)[:10]:
        assert set(names.meet(word).kinds) <= set(words_of_text(text))
    if words_of_tag(text):
        assert tags.meet(words_of_tag(text)).kinds == {text: "exact"}


async def test_the_longest_search_there_may_be_takes_less_than_a_second(lexicon: NodeLexicon):
    index = MemoryIndex(lexicon)
    community = Community(seed=5)
    for change in community.entities(2_000):
        index.apply(change)
    texts = [" ".join(tag[::-1] for tag in community.drawn(25))[:200] for _ in range(40)]
    began = time.perf_counter()
    await search(deps_of(index), SearchCommand(offers=tuple(texts[:20]), wants=tuple(texts[20:]), name=texts[0]))
    assert time.perf_counter() - began < 1.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("abce-", min_size=1, max_size=12), min_size=1, max_size=20),
    st.text("abce-", min_size=1, max_size=12),
)
def test_the_vocabulary_finds_exactly_what_the_rules_say(held: list[str], asked: str):
    lexicon = NodeLexicon(("en",))
    vocabulary = TagVocabulary(lexicon)
    words = words_of_tag(asked)
    vocabulary.add(held[::2])
    vocabulary.meet(words)
    vocabulary.add(held)
    expected = {tag: kind for tag in held if (kind := kind_of(words, words_of_tag(tag), lexicon)) is not None}
    assert vocabulary.meet(words).kinds == expected
    fresh = TagVocabulary(lexicon)
    fresh.add(held)
    assert fresh.meet(words).kinds == expected
