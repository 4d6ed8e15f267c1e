"""The form of a tag, and of a category's name (EN-06): lower case, words joined by `-`, letters and digits of every script."""

import unicodedata
from collections.abc import Iterable

TAG_LENGTH_MAX = 50
TAGS_MAX = 10
CATEGORIES_MAX = 20


def tag_form(text: str) -> str:
    """The form of EN-06; empty when nothing of the text belongs into a tag.

    Kept are letters, decimal digits and the marks that stand directly on them, in NFC; blanks and dashes part words;
    everything else is dropped: `"Rock 'n' Roll!"` is `rock-n-roll`, `"3D printing"` is `3d-printing`.
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    words = [""]
    stands_on_something = False
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "L" or category == "Nd" or (category[0] == "M" and stands_on_something):
            words[-1] += character
            stands_on_something = True
            continue
        stands_on_something = False
        if character.isspace() or category == "Pd":
            words.append("")
    return unicodedata.normalize("NFC", "-".join(word for word in words if word))


def tag_forms(texts: Iterable[str]) -> list[str]:
    """All of them in their form, in their order, without empty ones and without repeats."""
    return list(dict.fromkeys(form for form in map(tag_form, texts) if form))


def folded(text: str) -> str:
    """What two texts have in common that differ only in case, accents or width: for finding and sorting, never shown."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not "\u0300" <= character <= "\u036f")
    return unicodedata.normalize("NFKC", bare.casefold()).strip()


def heading(name: str) -> str:
    """Under which letter of the A to Z list a name stands: its first letter without accent, `#` for digits."""
    first = folded(name)[:1]
    if not first or not first.isalpha():
        return "#"
    return first.upper()[:1]
