"""Cursors: where a growing list goes on, as opaque text."""

import base64
import binascii
from typing import Any

import orjson

from libs.common.errors import Refusal

_LENGTH_MAX = 512


class Cursor:
    """What the list is ordered by at the last line shown; bounded, and checked when it comes back."""

    @staticmethod
    def encode(position: Any) -> str:
        """Opaque text for a value, or a list of values, of JSON."""
        values = position if isinstance(position, list) else [position]
        return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")

    @staticmethod
    def decode(cursor: str, *kinds: type) -> Any:
        """The list that was encoded, or its value where it is one; raises Refusal 400 `cursor_invalid`.

        With `kinds` the number and the types of the values must be these, and a list is returned.
        """
        values = _values(cursor)
        if not values or (kinds and [type(value) for value in values] != list(kinds)):
            raise Refusal.of(400, "cursor_invalid", "The cursor is not one that this list gave.", "cursor")
        return values if kinds or len(values) > 1 else values[0]


def _values(cursor: str) -> list[Any]:
    """What was encoded; nothing where this is no cursor."""
    if len(cursor) > _LENGTH_MAX:
        return []
    try:
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return []
    return values if isinstance(values, list) else []
