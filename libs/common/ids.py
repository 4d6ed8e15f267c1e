"""Identifiers: UUIDv7 as text everywhere, and ids that follow from what they name."""

import os
import re
import time
import uuid

_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NODE = uuid.UUID("6f0c2c0e-6f7e-5d6a-9a52-3d6b6d636373")


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562 section 5.7) as lower-case text: 48 bits of Unix milliseconds, then chance."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derived_id(*parts: str) -> str:
    """The same id for the same parts, in their order (UUIDv5): a message told twice has one id."""
    return str(uuid.uuid5(_NODE, "\x1f".join(parts)))


def is_id(text: object) -> bool:
    """Whether this is a UUID in its canonical lower-case form."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None
