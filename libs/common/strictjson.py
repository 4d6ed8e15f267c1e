"""JSON as others send it: read exactly, and refused where two readers could understand it differently."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from libs.common.errors import Refusal

DEPTH_MAX = 32
_DIGITS_MAX = 40
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)


def loads(raw: bytes, depth_max: int = DEPTH_MAX) -> Any:
    """The value, its numbers as int or Decimal.

    Raises Refusal 400 `malformed_body` for anything that is not JSON in UTF-8, and for duplicate keys, NaN and infinity,
    NUL, lone surrogates, numbers of more than 40 digits and nesting deeper than depth_max.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refusal("it is not valid UTF-8") from None
    if raw.count(b"{") + raw.count(b"[") > depth_max and _depth(raw) > depth_max:
        raise _refusal(f"it is nested deeper than {depth_max} levels")
    try:
        value = _decoder.decode(text.removeprefix("\ufeff"))
    except _RejectedError as rejected:
        raise _refusal(str(rejected)) from None
    except json.JSONDecodeError as fault:
        raise _refusal(f"{fault.msg} at line {fault.lineno} column {fault.colno}") from None
    except RecursionError:
        raise _refusal("it is nested too deep") from None
    if b"\\u" in raw or b"\x00" in raw:
        _refuse_odd_text(value)
    return value


class _RejectedError(ValueError):
    """Valid for a lax reader, not for us."""


def _refusal(what: str, field: str | None = None) -> Refusal:
    return Refusal.of(400, "malformed_body", f"The body cannot be read as JSON: {what}.", field)


def _depth(raw: bytes) -> int:
    deepest = depth = 0
    for match in _NESTING.finditer(raw):
        if match.lastindex == 1:
            depth += 1
            deepest = max(deepest, depth)
        elif match.lastindex == 2:
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RejectedError("an object has the same key twice")
    return value


def _number(digits: str) -> Decimal:
    if len(digits) > _DIGITS_MAX:
        raise _RejectedError("a number has too many digits")
    number = Decimal(digits)
    if abs(number.adjusted()) > _DIGITS_MAX:
        raise _RejectedError("a number is out of range")
    return number


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise _RejectedError("a number has too many digits")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise _RejectedError(f"{name} is not a JSON number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_integer, parse_constant=_constant, strict=True
)


def _refuse_odd_text(value: Any, field: str | None = None) -> None:
    """Escapes can smuggle in what UTF-8 could not: NUL, which no database text holds, and halves of a character."""
    if isinstance(value, str):
        if "\x00" in value:
            raise _refusal("a text holds the character NUL", field)
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise _refusal("a text holds half of a character (a lone surrogate)", field)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_odd_text(key)
            _refuse_odd_text(item, f"{field}.{key}" if field else key)
    elif isinstance(value, list):
        for item in value:
            _refuse_odd_text(item, field)
