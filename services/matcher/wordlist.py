"""The words of the node's languages with how common they are, from the package wordfreq, small enough to stay in memory.

One sorted table of 64-bit hashes and one byte of frequency per language and word, built once and then mapped from a file
in the data folder: pages that nobody reads cost nothing, and several processes share them.
"""

import contextlib
import hashlib
import mmap
import os
import struct
import sys
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from services.matcher.domain.words import fold

FORM = 1
ZIPF_MIN = 2.0
"""Rarer entries of the list (less than one word in ten million) are mostly slips of the pen and names."""
STEPS_PER_ZIPF = 25
_HEADER = struct.Struct("<4sIQ")


class WordList:
    """How common a folded word is in each language: Zipf value (log10 of its number in a thousand million), 0 if unknown."""

    def __init__(self, languages: Sequence[str], hashes: Sequence[int], levels: bytes | memoryview) -> None:
        self.languages = tuple(languages)
        self._hashes = hashes
        self._levels = levels

    def __len__(self) -> int:
        return len(self._hashes)

    def zipf(self, word: str) -> tuple[float, ...]:
        """One value per language, in their order."""
        wanted = hash_of(word)
        place = bisect_left(self._hashes, wanted)
        count = len(self._hashes)
        if place == count or self._hashes[place] != wanted:
            return (0.0,) * len(self.languages)
        return tuple(self._levels[count * number + place] / STEPS_PER_ZIPF for number in range(len(self.languages)))


def hash_of(word: str) -> int:
    """64 bits of BLAKE2b: the same in every process; a collision among a million words is one in 10 million."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def word_list_is_there(languages: Sequence[str], folder: Path) -> bool:
    """Whether the list need only be mapped."""
    return _path(folder, languages).exists()


def open_word_list(languages: Sequence[str], folder: Path | None) -> WordList:
    """The list from its file in `folder`, which is written where it is missing; without a folder it stays in memory. A language
    for which there is no list has no words."""
    if folder is None:
        return _build(languages)
    path = _path(folder, languages)
    with contextlib.suppress(OSError, ValueError, struct.error):
        return _map(path, languages)
    built = _build(languages)
    try:
        _write(path, built)
        return _map(path, languages)
    except OSError:
        return built


def _path(folder: Path, languages: Sequence[str]) -> Path:
    return folder / f"words-{FORM}-{version('wordfreq')}-{'-'.join(languages) or 'none'}.bin"


def _build(languages: Sequence[str]) -> WordList:
    """Each word's levels as the bytes of one number, so that a few hundred thousand cost little."""
    packed: dict[int, int] = {}
    for number, language in enumerate(languages):
        for word, level in _levels_of(language):
            key = hash_of(word)
            held = packed.get(key, 0)
            if level > held >> 8 * number:  # higher languages come later: what stands there is this one's
                packed[key] = (held & (1 << 8 * number) - 1) | level << 8 * number
    hashes = array("Q", sorted(packed))
    rows = b"".join(packed[key].to_bytes(max(1, len(languages)), "little") for key in hashes)
    return WordList(languages, hashes, b"".join(rows[number :: len(languages)] for number in range(len(languages))))


def _levels_of(language: str) -> Iterator[tuple[str, int]]:
    """Folded words and their levels; wordfreq keeps its list as buckets of hundredths of a power of ten."""
    from wordfreq import available_languages, get_frequency_list

    if language not in available_languages("best"):
        return
    for centibels, bucket in enumerate(get_frequency_list(language, wordlist="best")):
        zipf = 9 - centibels / 100
        if zipf < ZIPF_MIN:
            break
        level = min(255, round(zipf * STEPS_PER_ZIPF))
        for word in bucket:
            yield (word if word.isascii() else fold.__wrapped__(word)), level


def _write(path: Path, words: WordList) -> None:
    """Whole or not at all: a process that dies half way leaves no broken list behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(_HEADER.pack(b"MCWL", len(words.languages), len(words)))
        file.write(memoryview(words._hashes).cast("B") if isinstance(words._hashes, array) else b"")  # noqa: SLF001
        file.write(words._levels)  # noqa: SLF001
    Path(temporary).replace(path)


def _map(path: Path, languages: Sequence[str]) -> WordList:
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    mark, language_count, count = _HEADER.unpack_from(whole)
    if mark != b"MCWL" or language_count != len(languages) or len(whole) != _HEADER.size + count * (8 + language_count):
        raise ValueError(f"{path} is not a word list")
    border = _HEADER.size + count * 8
    return WordList(languages, whole[_HEADER.size : border].cast("Q"), whole[border:])


if __name__ == "__main__":
    # `python -m services.matcher.wordlist FOLDER LANGUAGE…`: in a process of its own, for building needs much memory once
    open_word_list(sys.argv[2:], Path(sys.argv[1]))
