"""Calls from one service to another: the port, with a door over HTTP and a door in process (`peers_http`, `peers_local`)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a call is made. Without a token the calling service speaks for itself with its service token."""

    token: str | None = None
    request_id: str | None = None
    client_address: str | None = None
    """Address of the person's client, as the gateway established it; believed only from a service token's bearer."""
    user_agent: str | None = None
    idempotency_key: str | None = None


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
