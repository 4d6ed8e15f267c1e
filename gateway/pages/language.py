"""The language of a page: what the visitor chose or the browser asks for, among the catalogues there are."""

import gettext
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from babel import Locale, UnknownLocaleError

FOLDER = Path(__file__).resolve().parent.parent / "locale"
SOURCE_LANGUAGE = "en"
# English without a country would write dates as in the United States, month first
_LOCALES = {"en": "en_GB"}
Gettext = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Language:
    """One language with its texts, its direction and its way to write numbers and dates."""

    code: str
    locale: Locale
    texts: gettext.NullTranslations

    @property
    def direction(self) -> str:
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    @property
    def name(self) -> str:
        """In itself: `Español`."""
        return (self.locale.get_language_name() or self.code).capitalize()

    def gettext(self, text: str) -> str:
        return self.texts.gettext(text) if text else ""

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.texts.ngettext(one, many, number)


class Languages:
    """The source language and every catalogue under gateway/locale."""

    def __init__(self, default: str, folder: Path = FOLDER) -> None:
        found = {path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/pages.mo")} | {SOURCE_LANGUAGE}
        self._languages = {code: _load(code, folder) for code in sorted(found)}
        self.default = self._languages.get(default, self._languages[SOURCE_LANGUAGE])

    def all(self) -> list[Language]:
        """Every language there is."""
        return list(self._languages.values())

    def choose(self, chosen: str, accept_language: str) -> Language:
        """The chosen one; else the first that the browser accepts; else the community's."""
        if chosen in self._languages:
            return self._languages[chosen]
        for code in _wanted(accept_language):
            if code in self._languages:
                return self._languages[code]
        return self.default


def _load(code: str, folder: Path) -> Language:
    texts = gettext.translation("pages", localedir=str(folder), languages=[code], fallback=True)
    try:
        locale = Locale.parse(_LOCALES.get(code, code))
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse(SOURCE_LANGUAGE)
    return Language(code, locale, texts)


def _wanted(accept_language: str) -> list[str]:
    """Language codes of an Accept-Language header, the most wanted first, at most ten."""
    weighed = []
    for place, part in enumerate(accept_language[:400].split(",")[:10]):
        code, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if weight > 0:
            weighed.append((-weight, place, code.strip().split("-")[0].lower()))
    return [code for _, _, code in sorted(weighed)]
