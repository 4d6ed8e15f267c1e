"""What a member may write about an entity (EN-01, EN-05, EN-08): fields, their rules, and what is wrong with a value."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

from libs.common.texts import TextError, clean
from services.directory.domain.tags import TAG_LENGTH_MAX, TAGS_MAX, tag_form, tag_forms

INC_TYPES = ("plc", "ltd", "guar", "unltd", "llp", "cic", "ips", "sole")
TEXT_LENGTH_MAX = {
    "name": 100,
    "email": 100,
    "telephone": 25,
    "inc_type": 20,
    "company_number": 20,
    "website": 100,
    "description": 500,
    "address": 255,
    "city": 50,
    "region": 50,
    "postal_code": 10,
    "country": 50,
}
"""Lengths in characters."""
MULTILINE = frozenset({"description", "address"})
TURNOVER_MAX = 10**15
SWITCHES = {"show_matches_since_last_login": True, "daily_matches": False}
"""Switches of the profile and what they are when nobody set them."""
TAG_LISTS = ("offers", "wants")
APPLICATION_NEEDS = ("name", "inc_type", "description", "address", "city", "region", "postal_code", "country")
PERSON_NEEDS = {"first_name": 100, "last_name": 100, "telephone": 25}
_EMAIL = re.compile(r"[^@\s,;<>()\"]{1,64}@[^@\s,;<>()\"\.]+(\.[^@\s,;<>()\"\.]+)+")
_HOST = re.compile(r"[^\s/?#@:]+\.[^\s/?#@:]+([/?#].*)?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a field: a stable code and a sentence."""

    field: str
    code: str
    message: str


class Invalid(Exception):  # noqa: N818  a refusal with everything that is wrong
    """Fields against the rules."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Place:
    """A position in degrees."""

    latitude: float
    longitude: float

    def coarse(self) -> "Place":
        """Rounded to about 1 km: what others may see (EN-08)."""
        return Place(round(self.latitude, 2), round(self.longitude, 2))


def read_profile(given: Mapping[str, Any], inc_types: Sequence[str] = INC_TYPES) -> dict[str, Any]:
    """The given fields in the form in which they are kept; raises Invalid with every fault.

    A cleared field (None or "") becomes "" (texts), None (turnover, place), [] (offers, wants) or its default
    (switches). Absent fields stay absent.
    """
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for field, value in given.items():
        try:
            found[field] = _read_field(field, value, inc_types)
        except Invalid as invalid:
            faults.extend(invalid.faults)
    if faults:
        raise Invalid(faults)
    return found


def _read_field(field: str, value: Any, inc_types: Sequence[str]) -> Any:
    if field in TEXT_LENGTH_MAX:
        text = read_text(field, value, TEXT_LENGTH_MAX[field], multiline=field in MULTILINE)
        return _checked(field, text, inc_types) if text else ""
    if field in TAG_LISTS:
        return read_tags(field, value)
    if field == "declared_turnover":
        return _turnover(value)
    if field == "place":
        return _place(value)
    if field in SWITCHES:
        return _switch(field, value)
    raise Invalid([Fault(field, "unknown_field", "There is no such field.")])


def read_text(field: str, value: Any, length_max: int, *, multiline: bool = False) -> str:
    """A text without blanks around it, "" for None; raises Invalid."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid([Fault(field, "not_text", "This must be a text.")])
    try:
        return clean(value, length_max, multiline=multiline)
    except TextError as error:
        raise Invalid([Fault(field, error.code, error.message)]) from None


def _checked(field: str, text: str, inc_types: Sequence[str]) -> str:
    if field == "email" and not _EMAIL.fullmatch(text):
        raise Invalid([Fault(field, "not_an_email", "This is not an e-mail address.")])
    if field == "inc_type" and text not in inc_types:
        raise Invalid([Fault(field, "unknown_value", f"This must be one of {', '.join(inc_types)}.")])
    return _website(text) if field == "website" else text


def _website(text: str) -> str:
    """An http or https address; a bare host gets https in front."""
    fault = Fault("website", "not_a_website", "This must be an address that begins with http:// or https://.")
    if "://" not in text and _HOST.fullmatch(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise Invalid([fault]) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_right or "@" in parts.netloc:
        raise Invalid([fault])
    if any(character.isspace() or character in "<>\"'`\\" for character in text):
        raise Invalid([fault])
    if len(text) > TEXT_LENGTH_MAX["website"]:
        raise Invalid([Fault("website", "too_long", "The text must have at most 100 characters.")])
    return text


def read_tags(field: str, value: Any) -> list[str]:
    """Offers or wants in the form of EN-06; raises Invalid."""
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise Invalid([Fault(field, "not_a_list", "This must be a list of texts.")])
    tags = tag_forms(value)
    if len(tags) > TAGS_MAX:
        raise Invalid([Fault(field, "too_many", f"There can be at most {TAGS_MAX}.")])
    if any(len(tag) > TAG_LENGTH_MAX for tag in tags):
        raise Invalid([Fault(field, "too_long", f"Each must have at most {TAG_LENGTH_MAX} characters.")])
    return tags


def read_name(value: Any) -> str:
    """The name of a tag or category that an admin gives, in its form; raises Invalid."""
    form = tag_form(read_text("name", value, 4 * TAG_LENGTH_MAX))
    if not form:
        raise Invalid([Fault("name", "required", "The name must have a letter or a digit.")])
    if len(form) > TAG_LENGTH_MAX:
        raise Invalid([Fault("name", "too_long", f"The name must have at most {TAG_LENGTH_MAX} characters.")])
    return form


def _turnover(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        raise Invalid([Fault("declared_turnover", "not_a_number", "This must be a whole number.")])
    if not 0 <= value <= TURNOVER_MAX:
        raise Invalid([Fault("declared_turnover", "out_of_range", f"This must be from 0 to {TURNOVER_MAX}.")])
    return int(value)


def _place(value: Any) -> Place | None:
    if value is None or value == "":
        return None
    fault = Fault("place", "not_a_place", "This must have a latitude from -90 to 90 and a longitude from -180 to 180.")
    if not isinstance(value, Mapping) or set(value) != {"latitude", "longitude"}:
        raise Invalid([fault])
    position = [value["latitude"], value["longitude"]]
    if any(isinstance(degree, bool) or not isinstance(degree, int | float | Decimal) for degree in position):
        raise Invalid([fault])
    latitude, longitude = (float(cast("float", degree)) for degree in position)
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Invalid([fault])
    return Place(latitude, longitude)


def _switch(field: str, value: Any) -> bool:
    if value is None or value == "":
        return SWITCHES[field]
    if not isinstance(value, bool):
        raise Invalid([Fault(field, "not_a_switch", "This must be true or false.")])
    return value
