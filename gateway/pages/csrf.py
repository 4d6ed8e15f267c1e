"""Tokens against forged forms: bound to the browser and its session, masked afresh on every page."""

import base64
import binascii
import hashlib
import hmac
import os

_MASK_BYTES = 16
_MAC_BYTES = 16


class CsrfTokens:
    """Makes and judges the hidden token of every form.

    The token is an HMAC over the browser's own random cookie and the session, so that one taken from another browser or
    from before the login is worth nothing (login forms are covered too). A fresh mask each time keeps equal tokens from
    looking equal.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"mccs pages csrf", "sha256")

    def issue(self, browser_id: str, session_id: str) -> str:
        """A token for one page, as URL-safe text."""
        mask = os.urandom(_MASK_BYTES)
        return base64.urlsafe_b64encode(mask + _mix(self._mac(browser_id, session_id), mask)).decode().rstrip("=")

    def matches(self, token: str, browser_id: str, session_id: str) -> bool:
        """Whether this token was issued to this browser in this session."""
        if not browser_id or len(token) > 100:
            return False
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return False
        if len(raw) != _MASK_BYTES + _MAC_BYTES:
            return False
        return hmac.compare_digest(_mix(raw[_MASK_BYTES:], raw[:_MASK_BYTES]), self._mac(browser_id, session_id))

    def _mac(self, browser_id: str, session_id: str) -> bytes:
        said = f"{browser_id}\x1f{session_id}".encode()
        return hmac.digest(self._key, hashlib.sha256(said).digest(), "sha256")[:_MAC_BYTES]


def _mix(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
