"""Words as they are compared: one form for one word, whatever its case, accents or Unicode form."""

import unicodedata
from functools import lru_cache

WORD_LENGTH_MAX = 64
"""Longer words are cut here: nobody means the rest, and no text makes a comparison slow."""

_LETTERS_WITHOUT_PARTS = str.maketrans(
    {"ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "\u0131": "i"}
)

_ASCII_SPACED = {number: None if chr(number) == "'" else " " for number in range(128) if not chr(number).isalnum()}


def _is_accent(character: str) -> bool:
    """Marks that readers leave out: Latin, Greek and Cyrillic accents, Hebrew and Arabic vowel points.

    Marks of other scripts (the vowels of Devanagari, the voicing of Kana) make another letter and stay.
    """
    return "̀" <= character <= "ͯ" or "֑" <= character <= "ׇ" or "ً" <= character <= "ٟ" or character == "ـ"


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """NFKC, case folded, without accents: `Café` and `cafe` are one word."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(character for character in parts if not _is_accent(character))
    return unicodedata.normalize("NFC", kept.translate(_LETTERS_WITHOUT_PARTS))


def normal_tag(text: str) -> str:
    """The tag form of what somebody typed: lower case, words joined by `-`; letters with their marks and digits stay."""
    words = [""]
    stands_on_something = False
    for character in unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).lower()):
        category = unicodedata.category(character)
        if category[0] == "L" or category == "Nd" or (category[0] == "M" and stands_on_something):
            words[-1] += character
            stands_on_something = True
            continue
        stands_on_something = False
        if character.isspace() or category == "Pd":
            words.append("")
    return "-".join(word for word in words if word)


@lru_cache(maxsize=4096)
def words_of_tag(tag: str) -> tuple[str, ...]:
    """The folded words of a tag in its normal form."""
    return tuple(word[:WORD_LENGTH_MAX] for word in fold(tag).split("-") if word)


def words_of_text(text: str) -> tuple[str, ...]:
    """The folded words of a name: whatever is neither letter, mark nor digit divides, save an apostrophe."""
    folded = fold(text)
    if folded.isascii():
        return tuple(word[:WORD_LENGTH_MAX] for word in folded.translate(_ASCII_SPACED).split())
    spaced = "".join(
        character if unicodedata.category(character)[0] in "LMN" else "" if character in "'\u2019" else " "
        for character in folded
    )
    return tuple(word[:WORD_LENGTH_MAX] for word in spaced.split())
