"""What a password must be (ID-03), and which ones everybody tries first."""

import unicodedata
from collections.abc import Container, Iterable

from services.identity.domain.errors import FieldFault

LENGTH_MIN = 8
LENGTH_MAX = 100
_LEET = str.maketrans("@4301!$5780", "aaeoiisstbo")
_STEM_LENGTH_MIN = 4


def normal(password: str) -> str:
    """One password however it was typed: Unicode's NFC, as RFC 8265 asks; blanks are kept."""
    return unicodedata.normalize("NFC", password)


def faults_of(password: str, common: "Common", field: str = "password") -> list[FieldFault]:
    """Every rule that the password breaks; empty where it is good. Judged as it is hashed: in one Unicode form."""
    password, found = normal(password), []
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        found.append(f"have {LENGTH_MIN} to {LENGTH_MAX} characters")
    kinds = {unicodedata.category(character)[0] for character in password}
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        found.append("hold no control characters")
    if "L" not in kinds:
        found.append("hold a letter")
    if "N" not in kinds:
        found.append("hold a digit")
    if not kinds & {"P", "S"}:
        found.append("hold a symbol")
    if found:
        return [FieldFault(field, "password_weak", f"The password must {_listed(found)}.")]
    if common.holds(password):
        return [FieldFault(field, "password_common", "This password is among the most common ones; choose another.")]
    return []


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


class Common:
    """Common passwords: a list to be compared whole, and stems that stay common with digits and symbols around them.

    Few passwords of any list of leaks hold a letter, a digit and a symbol; people who must add them write `Password1!`.
    """

    def __init__(self, whole: Container[str], stems: frozenset[str]) -> None:
        self._whole = whole
        self._stems = stems

    def and_words(self, words: Iterable[str]) -> "Common":
        """The same, and these words: what a community is called is what its people think of first."""
        stems = {_core(_folded(spelled)) for word in words for spelled in (word, word.replace(" ", ""))}
        return Common(self._whole, self._stems | (stems - {""}))

    def holds(self, password: str) -> bool:
        """Whether the password is common, ignoring letter case, usual replacements (`@` for `a`) and what is around."""
        folded = _folded(password)
        plain = _core(folded)
        read = _core(folded.translate(_LEET))
        return (
            folded in self._whole
            or plain in self._stems
            or _core(plain.translate(_LEET)) in self._stems
            or read in self._stems
        )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _core(text: str) -> str:
    """The text without digits and symbols at its ends; empty where too little is left to judge by."""
    begin, end = 0, len(text)
    while begin < end and not text[begin].isalpha():
        begin += 1
    while end > begin and not text[end - 1].isalpha():
        end -= 1
    core = text[begin:end]
    return core if len(core) >= _STEM_LENGTH_MIN else ""
