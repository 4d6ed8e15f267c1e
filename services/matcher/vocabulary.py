"""The distinct words and tags of a community, and which of them a text means by the rules of the domain.

Tables of forms, prefixes and neighbours narrow; `domain.rules` decides. An index only looks up what is found here.
"""

from bisect import bisect_left, insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.matcher.domain import rules
from services.matcher.domain.rules import Kind, Lexicon
from services.matcher.domain.words import fold, words_of_tag

REMEMBERED_MAX = 2048
SLIPS_MAX = 2
FRAGMENT_LETTERS_MIN = 2
LOG_MAX = 512
"""An answer that is older than so many new tags is worked out anew instead of being added to."""


class Met:
    """What a text means: tags (or words of names) that are in use, and by what kind of match."""

    __slots__ = ("_lists", "kinds")

    def __init__(self, kinds: Iterable[tuple[str, Kind]] = ()) -> None:
        self.kinds: dict[str, Kind] = {}
        self._lists: dict[Kind, list[str]] = {kind: [] for kind in rules.KINDS}
        for found, kind in kinds:
            self.add(found, kind)

    def add(self, found: str, kind: Kind) -> None:
        """Another tag, once."""
        if found not in self.kinds:
            self.kinds[found] = kind
            self._lists[kind].append(found)

    def of(self, kind: Kind) -> list[str]:
        """What was met in this way."""
        return self._lists[kind]


class Words:
    """Distinct folded words, to be found by form, prefix, fragment and nearness."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._words: set[str] = set()
        self._by_form: dict[str, list[str]] = {}
        self._sorted_forms: list[str] = []
        self._buckets: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        self._text = ""
        self._text_is_old = False

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def add(self, word: str) -> bool:
        """Whether the word is new."""
        if word in self._words:
            return False
        self._words.add(word)
        self._text_is_old = True
        for form in self._lexicon.forms(word):
            of_form = self._by_form.get(form)
            if of_form is None:
                self._by_form[form] = [word]
                insort(self._sorted_forms, form)
                self._buckets[form[0], len(form)].append(form)
            else:
                of_form.append(word)
        return True

    def same(self, word: str) -> set[str]:
        """Words that are this word."""
        return {found for form in self._lexicon.forms(word) for found in self._by_form.get(form, ())}

    def same_in_part(self, word: str) -> set[str]:
        """Words that are this one, or of which one begins with the other."""
        found = self.same(word)
        for form in self._lexicon.forms(word):
            for length in range(rules.PREFIX_LETTERS_MIN, len(form)):
                found.update(self._by_form.get(form[:length], ()))
            if len(form) >= rules.PREFIX_LETTERS_MIN:
                found.update(self.beginning_with(form))
        return found

    def near(self, word: str) -> set[str]:
        """Words that may be a slip of the pen for this one, or it for them."""
        forms = {near for form in self._lexicon.forms(word) for near in self._near_forms(form)}
        found = {other for form in forms for other in self._by_form[form]}
        return self.same(word) | {other for other in found if rules.near(word, other, self._lexicon)}

    def _near_forms(self, form: str) -> Iterator[str]:
        if len(form) < rules.MIDDLE_LETTERS - 2:
            return
        swapped = form[1] + form[0] + form[2:]
        if swapped in self._by_form:
            yield swapped
        for length in range(len(form) - SLIPS_MAX, len(form) + SLIPS_MAX + 1):
            bucket = self._buckets.get((form[0], length))
            if bucket:
                for near, _, _ in process.extract(
                    form, bucket, scorer=OSA.distance, score_cutoff=SLIPS_MAX, limit=None
                ):
                    yield near

    def beginning_with(self, prefix: str) -> Iterator[str]:
        """Words of which a form begins so."""
        place = bisect_left(self._sorted_forms, prefix)
        while place < len(self._sorted_forms) and self._sorted_forms[place].startswith(prefix):
            yield from self._by_form[self._sorted_forms[place]]
            place += 1

    def containing(self, fragment: str) -> Iterator[str]:
        """Words that contain the fragment anywhere."""
        if self._text_is_old:
            self._text, self._text_is_old = "\n".join(["", *self._words, ""]), False
        place = self._text.find(fragment)
        while place >= 0:
            end = self._text.index("\n", place)
            yield self._text[self._text.rindex("\n", 0, place) + 1 : end]
            place = self._text.find(fragment, end)


class TagVocabulary:
    """The tags in use and, for a tag that somebody asks for, those that match it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.words = Words(lexicon)
        self._tags: dict[str, tuple[str, ...]] = {}
        self._alone: defaultdict[str, list[str]] = defaultdict(list)
        """By word: the tags that are just this word (`café` and `cafe` are two tags of one word)."""
        self._among: defaultdict[str, list[str]] = defaultdict(list)
        """By word: the tags of several words that have it."""
        self._log: list[str] = []
        self._remembered: OrderedDict[tuple[str, ...], tuple[int, Met]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tags)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __contains__(self, tag: str) -> bool:
        return tag in self._tags

    def add(self, tags: Iterable[str]) -> None:
        """These tags are in use. One that is no longer used stays: it then matches nobody."""
        for tag in tags:
            if tag in self._tags:
                continue
            words = words_of_tag(tag)
            self._tags[tag] = words
            self._log.append(tag)
            for word in words:
                self.words.add(word)
            if len(words) == 1:
                self._alone[words[0]].append(tag)
            else:
                for word in set(words):
                    self._among[word].append(tag)

    def forget_answers(self) -> None:
        """The lexicon changed: what is real now was not before."""
        self._remembered.clear()

    def meet(self, words: tuple[str, ...]) -> Met:
        """The tags in use that match these words, by kind."""
        known = self._remembered.get(words)
        if known is not None and len(self._log) - known[0] <= LOG_MAX:
            met = known[1]
            for tag in self._log[known[0] :]:
                kind = rules.kind_of(words, self._tags[tag], self._lexicon)
                if kind is not None:
                    met.add(tag, kind)
        else:
            met = self._meet(words)
        self._remembered[words] = (len(self._log), met)
        self._remembered.move_to_end(words)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return met

    def _meet(self, words: tuple[str, ...]) -> Met:
        met = Met()
        if not words:
            return met
        for tag in self._candidates(words):
            kind = rules.kind_of(words, self._tags[tag], self._lexicon)
            if kind is not None:
                met.add(tag, kind)
        return met

    def _candidates(self, words: tuple[str, ...]) -> set[str]:
        parts = [self.words.same_in_part(word) for word in words]
        found = {tag for part in parts for word in part for tag in self._alone.get(word, ())}
        hits = Counter(tag for word in set().union(*parts) for tag in self._among.get(word, ()))
        found.update(tag for tag, hit in hits.items() if len(words) == 1 or hit > 1 or len(set(self._tags[tag])) == 1)
        return found | self._near_candidates(words)

    def _near_candidates(self, words: tuple[str, ...]) -> set[str]:
        """Tags of as many words, each near the one in its place."""
        shelf = self._alone if len(words) == 1 else self._among
        found: set[str] | None = None
        for word in words:
            tags = {tag for near in self.words.near(word) for tag in shelf.get(near, ())}
            found = tags if found is None else found & tags
            if not found:
                return set()
        return {tag for tag in found or () if len(self._tags[tag]) == len(words)}

    def suggest(self, text: str) -> tuple[list[str], list[str]]:
        """Tags that begin with the text (a tag's normal form), and tags that contain it elsewhere."""
        wanted = fold(text)
        if not wanted:
            return list(self._tags), []
        last = wanted.rsplit("-", 1)[-1]
        words = set(self.words.containing(last)) if last else set(words_of_tag(wanted)[-1:])
        tags = {tag for word in words for shelf in (self._alone, self._among) for tag in shelf.get(word, ())}
        containing = [tag for tag in tags if wanted in fold(tag)]
        beginning = [tag for tag in containing if fold(tag).startswith(wanted)]
        begun = set(beginning)
        return beginning, [tag for tag in containing if tag not in begun]


class NameVocabulary:
    """The words of names; a word that is asked for means those that are it, contain it, or are near it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.words = Words(lexicon)
        self._remembered: OrderedDict[str, Met] = OrderedDict()

    def add(self, words: Iterable[str]) -> None:
        """These words are in names."""
        for word in words:
            if self.words.add(word):
                self._remembered.clear()

    def forget_answers(self) -> None:
        """The lexicon changed."""
        self._remembered.clear()

    def meet(self, word: str) -> Met:
        """Words of names that the asked word means."""
        met = self._remembered.get(word)
        if met is None:
            met = self._remembered[word] = self._meet(word)
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return met

    def _meet(self, word: str) -> Met:
        exact = self.words.same(word)
        containing = (
            self.words.containing(word) if len(word) >= FRAGMENT_LETTERS_MIN else self.words.beginning_with(word)
        )
        part = set(containing) - exact
        fuzzy = self.words.near(word) - exact - part
        kinds: tuple[tuple[Kind, set[str]], ...] = (("exact", exact), ("part", part), ("fuzzy", fuzzy))
        return Met((each, kind) for kind, found in kinds for each in sorted(found))
