"""Calls from one service to another: the port, with a door over HTTP and a door in process (`peers_http`, `peers_local`)."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote_plus

import orjson

from libs.common import context, telemetry
from libs.common.errors import Problem, Refusal


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a call is made. Without a token the calling service speaks for itself with its service token."""

    token: str | None = None
    request_id: str | None = None
    client_address: str | None = None
    """Address of the person's client, as the gateway established it; believed only from a service token's bearer."""
    user_agent: str | None = None
    idempotency_key: str | None = None
    as_node: bool = False
    """Beside the person's token the caller shows its own: to the gateway it says that a program of the node asks, which
    has no rate limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with a status below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body; None where it is empty."""
        return orjson.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer with a status below 400 whose body arrives in pieces."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Peers(Protocol):
    """Other services, by name.

    Raises `libs.common.errors.Refusal` with the other side's status and problems for any answer of 400 and above, and
    a Refusal 503 `service_away` (with retry_after_s) where the service cannot be reached or does not answer in time.
    """

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Mapping[str, str | int | bool | list[str]] | None = None,
        body: object = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        timeout_s: float = 10.0,
    ) -> Answer:
        """One request. `body` is sent as JSON, or `raw` as it is."""

    def stream(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Mapping[str, str | int | bool | list[str]] | None = None,
        timeout_s: float = 60.0,
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """One request whose answer is read in pieces, in constant memory."""

    async def close(self) -> None:
        """Gives connections back."""


Query = Mapping[str, str | int | bool | list[str]]
AWAY_RETRY_AFTER_S = 2
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""Characters that no part of an address need quote (RFC 3986, 2.3)."""


def target(path: str, query: Query | None) -> str:
    """Path and query as they stand in a request line. The path comes with its parts quoted."""
    if not query:
        return path
    pairs = [
        f"{name}={_quoted(str(item).lower() if isinstance(item, bool) else str(item))}"
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return f"{path}?{'&'.join(pairs)}"


def _quoted(value: str) -> str:
    """Most are ids and numbers, which stand as they are."""
    return value if _UNRESERVED(value) else quote_plus(value)


def request_headers(caller: Caller, own_token: Callable[[], str], content_type: str | None) -> dict[str, str]:
    """What goes along with a call: who speaks, for which client, under which request id and trace."""
    headers = {
        "Content-Type": content_type,
        "X-Request-Id": caller.request_id or context.request_id.get(),
        "X-Client-Address": caller.client_address,
        "X-Client-Agent": _header_text(caller.user_agent),
        "Idempotency-Key": caller.idempotency_key,
        "Traceparent": telemetry.traceparent(),
        "X-Service-Token": own_token() if caller.as_node and caller.token else None,
    }
    given = {name: value for name, value in headers.items() if value}
    return {"Authorization": f"Bearer {caller.token or own_token()}", **given}


def _header_text(value: str | None) -> str | None:
    """A browser's name of itself may hold anything; a header may not."""
    return "".join(c for c in value if " " <= c <= "~")[:400] if value else value


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """The other side's answer of 400 and above."""
    try:
        problems = [
            Problem(str(shape["code"]), str(shape["message"]), shape.get("field"))
            for shape in orjson.loads(body)["errors"]
        ]
    except (ValueError, KeyError, TypeError):
        problems = []
    after = headers.get("retry-after", "")
    return Refusal(
        status,
        problems or [Problem("unexpected_answer", f"The service answered with status {status}.")],
        retry_after_s=int(after) if after.isdigit() else None,
    )


def away(service: str, reason: str) -> Refusal:
    """The service cannot be reached or does not answer in time."""
    return Refusal.of(
        503, "service_away", f"The {service} service does not answer ({reason}).", retry_after_s=AWAY_RETRY_AFTER_S
    )
