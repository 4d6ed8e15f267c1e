"""The door to services in the same process: the same requests, tokens and checks, without a socket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import orjson

from libs.common.auth import ServiceTokens
from libs.common.peers import Answer, Caller, Query, StreamedAnswer, away, refusal_of, request_headers, target
from libs.common.service import Service

_CHUNKS_WAITING_MAX = 8


class LocalPeers:
    """Calls the `api` of services by name; the mapping may be filled after this is made."""

    def __init__(self, services: Mapping[str, Service], tokens: ServiceTokens) -> None:
        self._services = services
        self._tokens = tokens

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Query | None = None,
        body: object = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        timeout_s: float = 10.0,
    ) -> Answer:
        payload = raw if raw is not None else orjson.dumps(body) if body is not None else b""
        exchange = _Exchange(payload)
        scope = self._scope(service, method, target(path, query), caller, content_type if payload else None)
        try:
            async with asyncio.timeout(timeout_s):
                await self._services[service].api(scope, exchange.receive, exchange.send)
        except TimeoutError:
            raise away(service, "timeout") from None
        if not exchange.over.is_set():
            raise away(service, "its answer broke off")
        if exchange.status >= 400:
            raise refusal_of(exchange.status, exchange.headers, b"".join(exchange.chunks))
        return Answer(exchange.status, exchange.headers, b"".join(exchange.chunks))

    @asynccontextmanager
    async def stream(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Query | None = None,
        timeout_s: float = 60.0,
    ) -> AsyncIterator[StreamedAnswer]:
        exchange = _StreamedExchange()
        scope = self._scope(service, method, target(path, query), caller, None)
        work = asyncio.ensure_future(self._services[service].api(scope, exchange.receive, exchange.send))
        work.add_done_callback(lambda _: exchange.ended.set())
        chunks = exchange.read(service, timeout_s)
        try:
            first = await anext(chunks, b"")
            if exchange.status >= 400:
                raise refusal_of(exchange.status, exchange.headers, first + b"".join([chunk async for chunk in chunks]))
            yield StreamedAnswer(exchange.status, exchange.headers, _with_first(first, chunks))
        finally:
            await chunks.aclose()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def close(self) -> None:
        """Nothing to give back."""

    def _scope(
        self, service: str, method: str, wanted: str, caller: Caller, content_type: str | None
    ) -> dict[str, Any]:
        if service not in self._services:
            raise away(service, "it is not part of this process")
        headers = request_headers(caller, lambda: self._tokens.token(service), content_type)
        path, _, query = wanted.partition("?")
        return {
            "type": "http",
            # 2.4: whoever streams learns from `send` that nobody reads any more
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": None,
            "server": (service, None),
            "state": {},
        }


class _Exchange:
    """One request with its whole answer."""

    def __init__(self, body: bytes = b"") -> None:
        self.status = 500
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.over = asyncio.Event()
        """Set when the answer is whole."""
        self._body: bytes | None = body

    async def receive(self) -> MutableMapping[str, Any]:
        body, self._body = self._body, None
        if body is None:
            await self.over.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            await self._take(message.get("body", b""))
            if not message.get("more_body", False):
                self.over.set()

    async def _take(self, chunk: bytes) -> None:
        if chunk:
            self.chunks.append(chunk)


class _StreamedExchange(_Exchange):
    """One request whose answer is handed on piece by piece; the service waits while pieces wait."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_CHUNKS_WAITING_MAX)

    async def _take(self, chunk: bytes) -> None:
        if chunk:
            await self._waiting.put(chunk)

    async def read(self, service: str, timeout_s: float) -> AsyncGenerator[bytes, None]:
        """The pieces, until the service is done; each within the time."""
        while not (self.ended.is_set() and self._waiting.empty()):
            piece = asyncio.ensure_future(self._waiting.get())
            end = asyncio.ensure_future(self.ended.wait())
            try:
                await asyncio.wait({piece, end}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                if piece.done():
                    yield piece.result()
                elif not end.done():
                    raise away(service, "timeout")
            finally:
                piece.cancel()
                end.cancel()
        if not self.over.is_set():
            raise away(service, "its answer broke off")


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk
