"""Properties of the rules, the words, the documents and the score."""

import unicodedata
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from services.matcher.domain import rules
from services.matcher.domain.documents import Band, Dismissed, Document, Fact, Gone, Profile, Tag, Tags, apply
from services.matcher.domain.score import kilometres, pairs_of, score
from services.matcher.domain.words import fold, normal_tag, words_of_tag, words_of_text

EXAMPLES = settings(max_examples=150, deadline=None)
LETTERS = st.text("abcdes", min_size=1, max_size=9)
WORDS = st.lists(LETTERS, min_size=1, max_size=3).map(tuple)
ANY_TEXT = st.text(max_size=60)


class SmallLexicon:
    """A plural is an `s`; words with an `e` at their end are real."""

    def forms(self, word: str) -> frozenset[str]:
        return frozenset({word, word.removesuffix("s") or word})

    def is_real(self, word: str) -> bool:
        return word.endswith("e")


LEXICON = SmallLexicon()


@EXAMPLES
@given(WORDS, WORDS)
def test_a_match_is_the_same_in_both_directions(a, b):
    assert rules.kind_of(a, b, LEXICON) == rules.kind_of(b, a, LEXICON)


@EXAMPLES
@given(WORDS)
def test_a_tag_matches_itself_and_its_plural_exactly(words):
    assert rules.kind_of(words, words, LEXICON) == "exact"
    assert rules.kind_of(words, (*words[:-1], words[-1] + "s"), LEXICON) == "exact"


@EXAMPLES
@given(WORDS, WORDS, WORDS)
def test_a_tag_is_part_of_every_tag_that_contains_its_words_in_a_row(before, words, after):
    assert rules.kind_of(words, (*before, *words, *after), LEXICON) in ("exact", "part")


@EXAMPLES
@given(WORDS, WORDS)
def test_a_fuzzy_match_has_as_many_words_and_never_two_real_ones_that_differ(a, b):
    if rules.kind_of(a, b, LEXICON) == "fuzzy":
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert rules.same(x, y, LEXICON) or not (LEXICON.is_real(x) and LEXICON.is_real(y))
            assert OSA.distance(x, y) <= 3


@EXAMPLES
@given(LETTERS, LETTERS)
def test_the_distance_is_optimal_string_alignment(a, b):
    assert rules.distance(a, b) == OSA.distance(a, b)


@EXAMPLES
@given(st.text("abc", min_size=1, max_size=2), LETTERS)
def test_words_of_up_to_two_letters_have_no_slips(short, word):
    assert rules.slipped(short, word) == (short == word)


@EXAMPLES
@given(st.text("abcde", min_size=3, max_size=9))
def test_the_first_letter_may_differ_only_by_a_transposition_of_the_first_two(word):
    swapped = word[1] + word[0] + word[2:]
    assert rules.slipped(word, swapped)
    other = "x" + word[1:]
    assert not rules.slipped(word, other)


@EXAMPLES
@given(ANY_TEXT)
def test_folding_ignores_case_accents_and_unicode_form_and_is_done_once(text):
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))
    assert fold("Ça, É, Ü, ß, Å") == "ca, e, u, ss, a"


@EXAMPLES
@given(ANY_TEXT)
def test_a_tags_form_is_its_own_form_and_has_neither_blanks_nor_punctuation(text):
    tag = normal_tag(text)
    assert normal_tag(tag) == tag
    assert all(character == "-" or unicodedata.category(character)[0] in "LMN" for character in tag)
    assert all(words_of_tag(tag)) or not tag


def test_the_forms_of_tags_of_every_script():
    assert normal_tag("  ! ! ! A 1 Unique Tag ! ! !  ") == "a-1-unique-tag"
    assert normal_tag("3D printing") == "3d-printing"
    assert normal_tag("CAFÉ") == "café"
    assert normal_tag("北京 烤鸭") == "北京-烤鸭"
    assert words_of_tag("हिन्दी") == ("हिन्दी",)
    assert words_of_text("O'Neill & Søn (Köln)") == ("oneill", "son", "koln")


@EXAMPLES
@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_text_is_read_as_the_same_text_beside_other_letters(text: str):
    assert fold(text + " ж") == fold(text) + " ж"
    assert words_of_text(text + " ж") == (*words_of_text(text), "ж")


def some_tags(draw_from: str):
    return st.lists(st.builds(Tag, st.sampled_from(draw_from), st.integers(1, 9)), max_size=2).map(tuple)


@st.composite
def facts(draw) -> list[Fact]:
    """Facts as a few streams would tell them: one state for each sequence."""
    told: list[Fact] = [
        Profile(n, draw(st.sampled_from("xyz")), draw(st.booleans()), draw(st.booleans()))
        for n in range(draw(st.integers(0, 3)))
    ]
    told += [Tags(n, draw(some_tags("ab")), draw(some_tags("cd"))) for n in range(draw(st.integers(0, 3)))]
    told += [Band(n, draw(st.integers(-2, 2))) for n in range(draw(st.integers(0, 2)))]
    told += [Dismissed(frozenset({draw(st.sampled_from("pq"))})) for _ in range(draw(st.integers(0, 2)))]
    return told + [Gone()] * draw(st.sampled_from([0, 0, 0, 1]))


@EXAMPLES
@given(facts(), st.randoms(use_true_random=False))
def test_facts_twice_and_in_any_order_end_in_one_document(told, chance):
    shuffled = told * 2
    chance.shuffle(shuffled)
    assert apply(Document("me"), shuffled) == apply(Document("me"), told)


@EXAMPLES
@given(facts())
def test_facts_that_say_nothing_new_leave_the_very_same_document(told):
    document = apply(Document("me"), told)
    assert apply(document, told) is document


@EXAMPLES
@given(
    some_tags("ab"),
    some_tags("cd"),
    some_tags("cd"),
    some_tags("ab"),
    st.integers(-2, 2),
    st.integers(-2, 2),
    st.booleans(),
)
def test_a_score_lies_between_0_and_1_and_trading_and_nearness_never_lower_it(
    offers, wants, their_offers, their_wants, band, their_band, trading
):
    me = Document("me", offers=offers, wants=wants, band=band, latitude=1.0, longitude=1.0)
    far = Document("far", is_listed=True, may_trade=trading, offers=their_offers, wants=their_wants, band=their_band)
    kinds: Any = {(side, tag): {tag: "exact"} for side in ("offers", "wants") for tag in "abcd"}
    pairs = pairs_of({"offers": me.offers, "wants": me.wants}, far, kinds, 0)
    if pairs:
        scored = score(me, far, pairs, 10)
        near = Document(
            **{name: getattr(far, name) for name in Document.__slots__} | {"latitude": 1.0, "longitude": 1.0}
        )
        assert 0 < scored.score <= score(me, near, pairs, 10).score <= 1
        assert scored.mutual == (len({pair.side for pair in pairs}) == 2)


def test_kilometres_are_those_of_the_globe():
    assert round(kilometres(52.52, 13.405, 48.137, 11.575)) == 504
    assert kilometres(0, 0, 0, 0) == 0
    assert round(kilometres(0, 179.9, 0, -179.9), 1) == 22.2


def test_every_order_of_parts_with_one_unheard_stays_unlisted_until_the_profile_comes():
    parts: list[Fact] = [Tags(1, (Tag("a", 1),), ()), Band(1, 2)]
    for order in permutations(parts):
        assert not apply(Document("me"), order).listed
