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
        try:
            if len(cursor) > _LENGTH_MAX:
                raise ValueError(cursor)
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            values = orjson.loads(raw)
            if not isinstance(values, list) or not values:
                raise ValueError(cursor)
            if kinds and (len(values) != len(kinds) or any(type(v) is not k for v, k in zip(values, kinds, strict=True))):
                raise ValueError(cursor)
        except (ValueError, binascii.Error):
            raise Refusal.of(400, "cursor_invalid", "The cursor is not one that this list gave.", "cursor") from None
        return values if kinds or len(values) > 1 else values[0]
