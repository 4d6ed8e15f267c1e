"""What the matcher knows about words: which are real, and which singular forms a plural has.

The endings are those of light stemmers: English after D. Harman, "How effective is suffixing?" (1991); French, Spanish
and German after J. Savoy, "Light stemming approaches for the French, Portuguese, German and Hungarian languages" (2006),
cut down to number (and the gender of trades). A stemmer that knows no words takes `organ` and `organic` for one; so an
ending goes only where the language has both words, or knows neither. Languages without endings here use Snowball's.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import snowballstemmer

from services.matcher.domain.words import fold, words_of_tag
from services.matcher.singulars import INVARIABLE, SINGULARS
from services.matcher.wordlist import WordList

REAL_ZIPF_MIN = 2.0
"""From here on a listed word counts as real; below, the lists hold many slips of the pen."""
HOME_ZIPF_MIN = 2.0
HOME_ZIPF_WITHIN = 1.3
"""A word is at home in the languages where it is about as common as where it is most common."""
COMPOUND_END_MIN = 4

SNOWBALL = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch", "eo": "esperanto",
    "et": "estonian", "fi": "finnish", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nb": "norwegian", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip

Singulars = Callable[[str, Callable[[str], float]], Iterable[str]]
"""Candidates for the singular of a folded word, given how common words are in the language."""


class NodeLexicon:
    """The lexicon of a node's languages."""

    def __init__(self, languages: Sequence[str], words: WordList | None = None) -> None:
        self._words = words or WordList((), (), b"")
        self._singulars = {language: _singulars_of(language) for language in languages}
        self._admin_tags: set[str] = set()
        self._made_by_admin: set[str] = set()
        self.forms = lru_cache(maxsize=16384)(self._forms)
        self._zipf = lru_cache(maxsize=4096)(self._words.zipf)

    def use(self, words: WordList) -> None:
        """Takes this word list, which takes a moment to be there; before, every word is unknown."""
        self._words = words
        self._zipf = lru_cache(maxsize=4096)(words.zipf)
        self.forms.cache_clear()

    def is_real(self, word: str) -> bool:
        """Known to be right as written: in a word list, in an admin's tag, or a number."""
        if word in self._made_by_admin or (not word.isalpha() and any(character.isdigit() for character in word)):
            return True
        return max(self._zipf(word), default=0.0) >= REAL_ZIPF_MIN

    def admin_tag(self, tag: str, *, stands: bool) -> None:
        """An admin made this tag, or dropped it."""
        (self._admin_tags.add if stands else self._admin_tags.discard)(tag)
        self._made_by_admin = {word for each in self._admin_tags for word in words_of_tag(each)}

    def admin_tags(self, tags: Iterable[str]) -> None:
        """All the tags that admins made."""
        self._admin_tags = set(tags)
        self._made_by_admin = {word for each in self._admin_tags for word in words_of_tag(each)}

    def _forms(self, word: str) -> frozenset[str]:
        found = {word}
        homes = self._homes(word)
        if any(word in INVARIABLE.get(language, ()) for language in homes):
            return frozenset(found)
        for language in homes:
            found.update(form for form in self._singulars[language](word, self._frequency_in(language)) if form)
        return frozenset(found)

    def _frequency_in(self, language: str) -> Callable[[str], float]:
        if language not in self._words.languages:
            return lambda _: 0.0
        place = self._words.languages.index(language)
        return lambda word: self._zipf(word)[place]

    def _homes(self, word: str) -> list[str]:
        """Languages whose endings the word may have: where it is at home, else where the end of the compound is, else all."""
        for start in range(max(1, len(word) - COMPOUND_END_MIN + 1)):
            values = self._zipf(word[start:])
            most = max(values, default=0.0)
            if most >= (HOME_ZIPF_MIN if start == 0 else HOME_ZIPF_MIN + 1):
                listed = zip(self._words.languages, values, strict=True)
                return [x for x, value in listed if value >= max(HOME_ZIPF_MIN, most - HOME_ZIPF_WITHIN)]
        return list(self._singulars)


def _singulars_of(language: str) -> Singulars:
    if language in SINGULARS:
        return SINGULARS[language]
    if language not in SNOWBALL:
        return lambda _, __: ()
    stemmer = snowballstemmer.stemmer(SNOWBALL[language])
    return lambda word, _: (fold(stemmer.stemWord(word)),)
