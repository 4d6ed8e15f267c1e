"""What is said in which language: translations from `locale/`, amounts and moments as that language writes them.

English is the language of the source. Another one is a file `locale/<code>/LC_MESSAGES/notifier.po`; it is read as it is,
so nothing has to be compiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from libs.common.money import MINOR_PER_UNIT

FOLDER = Path(__file__).parent / "locale"
SOURCE_LANGUAGE = "en"


@dataclass(frozen=True)
class Language:
    """One language. Called with an English text it answers the translation; texts without one stay English."""

    code: str
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    texts: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        return self.texts.get(text) or text

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(_locale(self.code).text_direction)

    def amount(self, minor: int, unit: str) -> str:
        """An amount with two decimals and its unit: `1,250.50 CR`."""
        number = format_decimal(Decimal(minor) / MINOR_PER_UNIT, format="#,##0.00", locale=_locale(self.code))
        return f"{number}\N{NO-BREAK SPACE}{unit}"

    def moment(self, text: str) -> str:
        """An RFC 3339 moment as a person writes it, in the community's time zone."""
        at = datetime.fromisoformat(text)
        return format_datetime(at, "d MMMM y, HH:mm zzz", tzinfo=self.zone, locale=_locale(self.code))


_locale = cache(Locale.parse)


@cache
def shipped() -> list[str]:
    """Codes of the languages there are."""
    return sorted({SOURCE_LANGUAGE, *(path.parts[-3] for path in FOLDER.glob("*/LC_MESSAGES/notifier.po"))})


def language_of(code: str | None, *, default: str, zone: ZoneInfo) -> Language:
    """The language of this code (`de`, `de-AT`), else the default, else English."""
    for wish in (code, default):
        short = (wish or "").replace("_", "-").split("-")[0].lower()
        if short in shipped():
            return Language(short, zone, _texts(short))
    return Language(SOURCE_LANGUAGE, zone)


@cache
def _texts(code: str) -> dict[str, str]:
    path = FOLDER / code / "LC_MESSAGES" / "notifier.po"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        catalog = read_po(file, locale=code, abort_invalid=True)
    return {str(entry.id): str(entry.string) for entry in catalog if entry.id and entry.string and not entry.fuzzy}
