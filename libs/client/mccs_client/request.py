"""One request as it will be sent, and how its answer is read; without any input or output."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from .errors import MalformedAnswer

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Again = Literal["safe", "keyed", "once"]
"""Whether a request may be sent again when nobody knows whether it arrived: `safe` ones change nothing or end in the same
state, `keyed` ones carry an idempotency key, `once` ones must not be."""
Amount: TypeAlias = Decimal | int | str
"""An amount in units with at most two decimals; never a float."""
Moment: TypeAlias = datetime | date | str
"""A moment, or a whole local day."""

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z]+)")
_AMOUNTS = frozenset(
    [
        "amount",
        "total",
        "balance",
        "balance_after",
        "max_positive_balance",
        "max_negative_balance",
        "available",
        "available_to_spend",
        "available_to_receive",
        "max_negative",
        "max_positive",
        "old_max_negative",
        "old_max_positive",
        "in",
        "out",
    ]
)
_AS_IT_IS = frozenset({"before", "after", "params"})


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a numbered list."""

    items: list[Item]
    total: int
    pages: int


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """Part of a growing list; `next` is the cursor of what follows, None at the end."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Request(Generic[Answer]):
    """What one call sends; `read` makes the answer of a success's body."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    again: Again = "safe"
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    key: str | None = None
    session: Literal["keep", "take", "drop"] = "keep"
    """What the client does with its token after a success: `take` it from the answer, or `drop` it."""

    def and_then(self, what: Literal["take", "drop"]) -> "Request[Answer]":
        """The same request, after which the client takes or drops its token."""
        return replace(self, session=what)


# --- making requests ----------------------------------------------------------------------------------------------------


def get(path: str, **query: Any) -> Request[Any]:
    """Reads one thing."""
    return Request("GET", path, data_of, query=texts(query))


def paged(path: str, **query: Any) -> Request[Page[Any]]:
    """Reads part of a numbered list."""
    return Request("GET", path, page_of, query=texts(query))


def parted(path: str, **query: Any) -> Request[Part[Any]]:
    """Reads part of a growing list."""
    return Request("GET", path, part_of, query=texts(query))


def file(path: str, **query: Any) -> Request[bytes]:
    """Reads a file as it is."""
    return Request("GET", path, bytes, query=texts(query))


def send(method: str, path: str, body: Mapping[str, Any] | None = None, *, again: Again = "safe") -> Request[Any]:
    """Changes something."""
    return Request(method, path, data_of, again, body=None if body is None else json_of(body))


def pay(method: str, path: str, body: Mapping[str, Any], key: str | None) -> Request[Any]:
    """Moves credit: with a key, so that it happens once however often it is sent."""
    return Request(method, path, data_of, "keyed", body=json_of(body), key=key or str(uuid.uuid4()))


def texts(query: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they travel; None and empty lists are left out."""
    found: dict[str, str] = {}
    for name, value in query.items():
        if value is None or value == []:
            continue
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, list | tuple):
            found[name] = ",".join(str(item) for item in value)
        else:
            found[name] = moment(value) if isinstance(value, date) else str(value)
    return found


def moment(value: Moment) -> str:
    """RFC 3339, or a plain date. A time without a zone is nobody's time: ValueError."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("give the time a time zone")
    return value if isinstance(value, str) else value.isoformat()


def number(amount: Amount) -> int | float:
    """The amount as a JSON number that reads back the same; ValueError for what is none, or a float."""
    if isinstance(amount, float | bool) or not isinstance(amount, Decimal | int | str):
        raise ValueError("give amounts as Decimal, int or text")  # noqa: TRY004  one kind of fault for a wrong amount
    try:
        exact = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"not an amount: {amount!r}") from None
    if exact.is_finite() and exact == exact.to_integral_value():
        return int(exact)
    if not exact.is_finite() or Decimal(repr(float(exact))) != exact:
        raise ValueError(f"not an amount: {amount!r}")
    return float(exact)


def changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as fields of the API: `postal_code` is `postalCode`. None stays: it clears a field."""
    return {camel(name): value for name, value in given.items()}


def known(**given: Any) -> dict[str, Any]:
    """Fields that were given."""
    return {name: value for name, value in given.items() if value is not None}


def camel(name: str) -> str:
    """`max_positive_balance` as the API writes it."""
    first, *rest = name.split("_")
    return first + "".join("ID" if word == "id" else word.title() for word in rest)


def snake(name: str) -> str:
    """`entityID` as Python writes it."""
    return _HUMP.sub(lambda hump: "_" + hump.group(1), name).lower()


def json_of(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


# --- reading answers ----------------------------------------------------------------------------------------------------


def data_of(raw: bytes) -> Any:
    """`data` of a success, None where there is none."""
    return in_python(_parsed(raw).get("data")) if raw else None


def page_of(raw: bytes) -> Page[Any]:
    shape = _parsed(raw)
    meta = shape.get("meta") or {}
    items = in_python(shape.get("data") or [])
    return Page(items, int(meta.get("numberOfResults", len(items))), int(meta.get("totalPages", 1)))


def part_of(raw: bytes) -> Part[Any]:
    shape = _parsed(raw)
    return Part(in_python(shape.get("data") or []), (shape.get("meta") or {}).get("next"))


def in_python(value: Any, name: str = "") -> Any:
    """Names in Python's way and amounts as Decimal; everything else as it came."""
    if isinstance(value, dict):
        return dict(_named(key, item, value) for key, item in value.items())
    if isinstance(value, list):
        return [in_python(item, name) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and name in _AMOUNTS:
        return Decimal(value)
    return value


def _named(key: str, item: Any, whole: dict[str, Any]) -> tuple[str, Any]:
    short = snake(key)
    if short in _AS_IT_IS or (short == "total" and "amount" not in whole):  # else a total counts something
        return short, item
    return short, in_python(item, short)


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        shape = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise MalformedAnswer("the answer is not JSON") from None
    if not isinstance(shape, dict):
        raise MalformedAnswer("the answer is not an object")
    return shape
