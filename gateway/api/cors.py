"""Other web pages' scripts: which origins may call the API from a browser. Never with credentials."""

from dataclasses import dataclass

from gateway.api.answering import Headers

_EXPOSED = b"X-Request-Id, Retry-After, ETag, Location, Link, Content-Disposition"
_ASKED = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"


@dataclass(frozen=True, slots=True)
class Cors:
    """By setting; with `*` every origin is answered alike, so that shared caches need not vary."""

    origins: tuple[str, ...]

    def headers(self, origin: str | None) -> Headers:
        """Of an answer."""
        allowed = self._allowed(origin)
        if allowed is None:
            return [] if "*" in self.origins or not self.origins else [(b"vary", b"Origin")]
        headers: Headers = [
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED),
        ]
        return headers if allowed == b"*" else [*headers, (b"vary", b"Origin")]

    def preflight(self, origin: str | None, methods: list[str]) -> Headers:
        """Of the answer to a browser that asks before it calls."""
        if self._allowed(origin) is None:
            return self.headers(origin)
        return [
            *self.headers(origin),
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", _ASKED),
            (b"access-control-max-age", b"600"),
        ]

    def _allowed(self, origin: str | None) -> bytes | None:
        if origin is None:
            return None
        if "*" in self.origins:
            return b"*"
        return origin.encode("latin-1") if origin in self.origins else None
