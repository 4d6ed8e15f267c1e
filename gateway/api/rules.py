"""What a field or parameter may hold: each rule reads one value, says what is wrong with it, and describes itself.

A rule stands in an annotation (`name: Annotated[str, text(100)]`), checks without changing type by guesswork, and gives
its JSON Schema to the API's description. Problems carry a stable code.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from libs.common.ids import is_id
from libs.common.money import AmountError, parse_amount, parse_minor
from libs.common.texts import TextError, clean

WHOLE_MAX = 2**53 - 1
LIST_MAX = 100
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,10})?", re.ASCII)

Moment = datetime | date
"""A moment, or a whole local day."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Reads one value: `check` returns it or raises PydanticCustomError; `schema` describes it."""

    check: Callable[[Any], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def wrong(code: str, message: str) -> PydanticCustomError:
    """A problem of one value; braces in the message are literal."""
    return PydanticCustomError(code, "{sentence}", {"sentence": message})


def _expected(kind: str) -> PydanticCustomError:
    return wrong("wrong_type", f"This must be {kind}.")


def text(length_max: int, *, length_min: int = 0, multiline: bool = False) -> Rule:
    """Text of at most so many characters, trimmed, in NFC, without control characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _expected("a text")
        try:
            cleaned = clean(value, length_max, multiline=multiline)
        except TextError as error:
            raise wrong(error.code, str(error)) from None
        if len(cleaned) < length_min:
            raise wrong("required", "This must not be empty.")
        return cleaned

    schema: dict[str, Any] = {"type": "string", "maxLength": length_max}
    return Rule(check, schema | ({"minLength": length_min} if length_min else {}))


def secret(length_max: int, *, length_min: int = 1) -> Rule:
    """Text that is taken exactly as it came (a password, a token); only its length is judged."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _expected("a text")
        if len(value) < length_min:
            if length_min == 1:
                raise wrong("required", "This must not be empty.")
            raise wrong("too_short", f"This must have at least {length_min} characters.")
        if len(value) > length_max:
            raise wrong("too_long", f"This must have at most {length_max} characters.")
        return value

    return Rule(check, {"type": "string", "minLength": length_min, "maxLength": length_max, "format": "password"})


def one_of(*words: str) -> Rule:
    """Exactly one of these words."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _expected("a text")
        if value not in words:
            raise wrong("not_one_of", f"This must be one of: {', '.join(words)}.")
        return value

    return Rule(check, {"type": "string", "enum": list(words)})


def identifier() -> Rule:
    """An id as the API hands them out."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _expected("a text")
        if not is_id(value):
            raise wrong("not_an_id", "This is not an id.")
        return value

    return Rule(check, {"type": "string", "format": "uuid"})


def digits16() -> Rule:
    """16 digits; whether the account exists is the ledger's to say."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _expected("a text of 16 digits")
        if len(value) != 16 or not (value.isascii() and value.isdigit()):
            raise wrong("not_an_account_number", "An account number has 16 digits.")
        return value

    return Rule(check, {"type": "string", "pattern": "^[0-9]{16}$"})


def yes_no() -> Rule:
    """true or false."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise _expected("true or false")
        return value

    return Rule(check, {"type": "boolean"})


def _as_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _expected("a number")
    return Decimal(value)


def whole(least: int, most: int) -> Rule:
    """A whole number, judged by its value: `1e1` is 10."""

    def check(value: object) -> int:
        number = _as_number(value)
        if not number.is_finite() or abs(number) > WHOLE_MAX:
            raise wrong("out_of_range", f"This must be from {least} to {most}.")
        if number != number.to_integral_value():
            raise wrong("not_whole", "This must be a whole number.")
        if not least <= number <= most:
            raise wrong("out_of_range", f"This must be from {least} to {most}.")
        return int(number)

    return Rule(check, {"type": "integer", "minimum": least, "maximum": most})


def money() -> Rule:
    """An amount as a JSON number, read into minor units; what a transfer may carry."""

    def check(value: object) -> int:
        try:
            return parse_amount(_as_number(value))
        except AmountError as error:
            raise wrong(f"amount_{error.code}", error.message) from None

    return Rule(check, {"type": "number", "exclusiveMinimum": 0, "maximum": 10**12, "multipleOf": 0.01})


def words(length_max: int, *, items_max: int = LIST_MAX) -> Rule:
    """A list of texts; what each may be beyond its length is its owner's to say."""
    item = text(length_max)

    def check(value: object) -> list[str]:
        if not isinstance(value, list):
            raise _expected("a list of texts")
        if len(value) > items_max:
            raise wrong("too_many", f"At most {items_max} are allowed.")
        return [item.check(each) for each in value]

    return Rule(check, {"type": "array", "items": item.schema, "maxItems": items_max})


def identifiers(items_max: int = LIST_MAX) -> Rule:
    """A list of ids."""
    item = identifier()

    def check(value: object) -> list[str]:
        if not isinstance(value, list):
            raise _expected("a list of ids")
        if len(value) > items_max:
            raise wrong("too_many", f"At most {items_max} are allowed.")
        return [item.check(each) for each in value]

    return Rule(check, {"type": "array", "items": item.schema, "maxItems": items_max})


def chosen(*allowed: str, items_max: int = 20) -> Rule:
    """A list of some of these words."""
    item = one_of(*allowed)

    def check(value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > items_max:
            raise _expected(f"a list of: {', '.join(allowed)}")
        return list(dict.fromkeys(item.check(each) for each in value))

    return Rule(check, {"type": "array", "items": item.schema, "maxItems": items_max})


_OF_A_RECORD = {
    "missing": ("required", "This is required."),
    "model_type": ("wrong_type", "This must be an object."),
}


def record_list(shape: type[BaseModel], items_max: int) -> Rule:
    """A list of objects of one shape, at least one; what is wrong is told of the whole list at once."""
    inside = TypeAdapter(list[shape])  # type: ignore[valid-type]  # a class known only when this runs

    def check(value: object) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise _expected("a list of objects, at least one")
        if len(value) > items_max:
            raise wrong("too_many", f"At most {items_max} are allowed.")
        try:
            return inside.validate_python(value)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
            place = " ".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
            code, sentence = _OF_A_RECORD.get(first["type"], (first["type"], first["msg"]))
            raise wrong(code, f"In {place}: {sentence}") from None

    return Rule(check, {"type": "array", "items": shape.model_json_schema(), "minItems": 1, "maxItems": items_max})


def clearable(rule: Rule, cleared: object = None) -> Rule:
    """In a change: null and the empty text clear the field."""

    def check(value: object) -> object:
        return cleared if value is None or value == "" else rule.check(value)

    kinds = rule.schema["type"] if isinstance(rule.schema["type"], list) else [rule.schema["type"]]
    schema = rule.schema | {"type": [*kinds, "null"]}
    if "enum" in rule.schema:
        schema["enum"] = [*rule.schema["enum"], "", None]
    return Rule(check, schema)


# --- parameters, which arrive as texts


def whole_param(least: int, most: int) -> Rule:
    """A whole number in plain digits."""

    def check(value: object) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise wrong("not_whole", "This must be a whole number.")
        if not least <= int(value) <= most:
            raise wrong("out_of_range", f"This must be from {least} to {most}.")
        return int(value)

    return Rule(check, {"type": "integer", "minimum": least, "maximum": most})


def money_param() -> Rule:
    """An amount of any sign, read into minor units."""

    def check(value: object) -> int:
        if not isinstance(value, str) or not _NUMBER.fullmatch(value):
            raise wrong("not_a_number", "This must be a number.")
        try:
            return parse_minor(value)
        except AmountError as error:
            raise wrong(error.code, error.message) from None

    return Rule(check, {"type": "number"})


def yes_no_param() -> Rule:
    """`true` or `false`, also `1` and `0`."""

    def check(value: object) -> bool:
        if value in {"true", "1"}:
            return True
        if value in {"false", "0"}:
            return False
        raise wrong("wrong_type", "This must be true or false.")

    return Rule(check, {"type": "boolean"})


def words_param(length_max: int = 200, *, items_max: int = 10) -> Rule:
    """Several values separated by commas, in one parameter or in several of the same name."""
    item = text(length_max)

    def check(value: object) -> list[str]:
        given = value if isinstance(value, list) else [value]
        parts = [item.check(part) for each in given for part in str(each).split(",")]
        kept = list(dict.fromkeys(part for part in parts if part))
        if len(kept) > items_max:
            raise wrong("too_many", f"At most {items_max} are allowed.")
        return kept

    return Rule(check, {"type": "string", "x-several": True})


def chosen_param(*allowed: str) -> Rule:
    """Several of these words, separated by commas or given in several parameters of the same name."""

    def check(value: object) -> list[str]:
        given = value if isinstance(value, list) else [value]
        parts = [part.strip() for each in given for part in str(each).split(",") if part.strip()]
        if any(part not in allowed for part in parts):
            raise wrong("not_one_of", f"Each must be one of: {', '.join(allowed)}.")
        return list(dict.fromkeys(parts))

    return Rule(check, {"type": "string", "enum": list(allowed), "x-several": True})


def moment_param() -> Rule:
    """A time: RFC 3339, a plain date (a whole local day) or Unix seconds."""

    def check(value: object) -> Moment:
        if not isinstance(value, str):
            raise _expected("a time")
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
            if _MOMENT.fullmatch(value):
                return datetime.fromisoformat(_six_digits(value.upper())).astimezone(UTC)
            if _SECONDS.fullmatch(value):
                return datetime.fromtimestamp(int(value), UTC)
        except (ValueError, OverflowError, OSError):
            pass
        raise wrong("not_a_time", "This must be a time such as 2026-03-01T12:00:00Z, 2026-03-01 or Unix seconds.")

    return Rule(check, {"type": "string"})


def _six_digits(value: str) -> str:
    """Python reads at most six digits of a second."""
    return re.sub(r"(\.\d{6})\d+", r"\1", value)


def beginning(moment: Moment | None, zone: ZoneInfo) -> datetime | None:
    """The moment itself, or the first one of the local day, in UTC."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.min, zone).astimezone(UTC)


def end_excluded(moment: Moment | None, zone: ZoneInfo) -> datetime | None:
    """The first moment that no longer counts: a plain date counts whole, a moment counts itself (to the millisecond)."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return moment + timedelta(milliseconds=1)
    return datetime.combine(moment + timedelta(days=1), time.min, zone).astimezone(UTC)
