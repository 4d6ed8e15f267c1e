"""HTTP/1.1 over kept connections (RFC 9112), for calls between services: little of a processor's time, and no more than these
calls need: no redirects, no compression, no HEAD. The bytes are taken apart by llhttp (`httptools`), as our servers do.

One connection carries one request at a time. What goes wrong is one of `OSError`, `TimeoutError` and `BrokenAnswer`; who is
cancelled meanwhile ends the connection, so that the other side hears of it.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

IDLE_S = 30.0
"""So long a connection is kept without work: less than what the servers wait (`libs.common.serving`)."""
CONNECT_TIMEOUT_S = 3.0
BODY_BYTES_MAX = 64 * 1024 * 1024
"""Of an answer that is wanted whole."""
AHEAD_BYTES_MAX = 256 * 1024
"""So much of a streamed answer is taken before its reader wants it."""
BODILESS = frozenset({"GET", "DELETE"})
REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
"""Methods that do no harm when they arrive twice (RFC 9110, 9.2.2)."""


class BrokenAnswer(ConnectionError):  # noqa: N818  named for what it is
    """The answer is no HTTP, too long, or did not arrive whole."""


class _Unanswered(BrokenAnswer):
    """The connection ended before the first byte of an answer."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers (names in lower case) of an answer."""

    status: int
    headers: Mapping[str, str]


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._headers: dict[str, str] = {}
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._is_whole_wanted = self._is_begun = self._is_paused = False
        self._ended: OSError | None = None
        self.head: Head | None = None
        self.is_answered = True
        """Nothing of an answer is to come."""
        self.is_usable = True
        self.idle_since = 0.0

    async def ask(self, request: bytes, until: float, *, whole: bool) -> Head:
        """Sends a request; returns with the head of its answer, once the whole of it is there or at once. Raises TimeoutError
        where that is not before this time of the loop (by a timer: `asyncio.timeout_at` costs 4 µs more)."""
        assert self._transport is not None
        self._headers, self.head = {}, None
        self._is_whole_wanted, self._is_begun, self.is_answered = whole, False, False
        self._transport.write(request)
        limit = self._loop.call_at(until, self._late)
        try:
            await self._more()
        finally:
            limit.cancel()
        assert self.head is not None
        return self.head

    def body(self) -> bytes:
        """What arrived and was not taken yet."""
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return taken

    async def pieces(self, timeout_s: float) -> AsyncIterator[bytes]:
        """The answer's body as it arrives; each piece within this time."""
        while True:
            if self._pieces:
                yield self.body()
            elif self.is_answered:
                return
            else:
                async with asyncio.timeout(timeout_s):
                    await self._more()

    def close(self) -> None:
        """At once, whatever is under way."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._ended is not None:
            raise self._ended
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _late(self) -> None:
        if not self.is_answered:
            self._end(TimeoutError())

    def _end(self, fault: OSError) -> None:
        self.is_usable = False
        if self.is_answered or self._ended is not None:
            return
        self._ended = fault
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(fault)

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by their type

    def data_received(self, data: bytes) -> None:
        if self.is_answered:  # nobody asked for it
            self.close()
            return
        self._is_begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as fault:
            self._end(BrokenAnswer(str(fault)))
            self.close()

    def connection_lost(self, fault: Exception | None) -> None:
        kind = BrokenAnswer if self._is_begun else _Unanswered
        self._end(kind(str(fault or "the connection ended")))

    # what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.head = Head(status, self._headers)
            if not self._is_whole_wanted:
                self._wake()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        if self._is_whole_wanted:
            if self._held > BODY_BYTES_MAX:
                self._end(BrokenAnswer("The answer is too long."))
                self.close()
            return
        if self._held > AHEAD_BYTES_MAX and self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self.head is None:  # an interim answer, such as 100
            self._headers = {}
            return
        self.is_answered = True
        self.is_usable = self.is_usable and self._parser.should_keep_alive()
        self._wake()


class Host:
    """Kept connections to one address, `http://host:port/prefix` or https, or to a Unix socket in its place."""

    def __init__(self, url: str, *, connections_max: int, unix_socket: str | None = None) -> None:
        parts = urlsplit(url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._name, self._port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        self._unix_socket = unix_socket
        self._prefix = parts.path.rstrip("/")
        self._host = parts.netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._free = asyncio.Semaphore(connections_max)

    async def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> tuple[Head, bytes]:
        """One request and its whole answer, all within this time."""
        request = self._request(method, target, headers, body)
        until = asyncio.get_running_loop().time() + timeout_s
        await self._turn(until)
        try:
            connection, head = await self._ask(method, request, until, whole=True)
            content = connection.body()
            self._keep(connection)
            return head, content
        finally:
            self._free.release()

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AsyncIterator[tuple[Head, AsyncIterator[bytes]]]:
        """One request; its answer is read in pieces, each within this time, in bounded memory."""
        request = self._request(method, target, headers, None)
        until = asyncio.get_running_loop().time() + timeout_s
        await self._turn(until)
        try:
            connection, head = await self._ask(method, request, until, whole=False)
            try:
                yield head, connection.pieces(timeout_s)
            finally:
                self._keep(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Ends all connections; whoever waits for an answer hears that it broke off."""
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """Raises ValueError for what would end its line."""
        lines = [f"{method} {self._prefix}{target} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None or method not in BODILESS:
            lines.append(f"Content-Length: {len(body or b'')}")
        if " " in target or not all(map(str.isprintable, lines)):
            raise ValueError("A target or header holds what cannot stand there.")
        head = "\r\n".join([*lines, "", ""]).encode()
        return head + body if body else head

    async def _turn(self, until: float) -> None:
        """Waits until there are not too many; who has had it releases `_free`."""
        if self._free.locked():
            async with asyncio.timeout_at(until):
                await self._free.acquire()
        else:
            await self._free.acquire()

    async def _ask(self, method: str, request: bytes, until: float, *, whole: bool) -> tuple[_Connection, Head]:
        while True:
            kept = self._kept()
            connection = kept or await self._open(until)
            self._busy.add(connection)
            try:
                return connection, await connection.ask(request, until, whole=whole)
            except BaseException as fault:
                self._busy.discard(connection)
                connection.close()
                # the other side may have ended a kept one while the request was on its way
                if not (isinstance(fault, _Unanswered) and kept and method in REPEATABLE):
                    raise

    async def _open(self, until: float) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(min(until, loop.time() + CONNECT_TIMEOUT_S)):
            if self._unix_socket:
                return (await loop.create_unix_connection(_Connection, self._unix_socket))[1]
            return (await loop.create_connection(_Connection, self._name, self._port, ssl=self._tls))[1]

    def _kept(self) -> _Connection | None:
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and now - connection.idle_since < IDLE_S:
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        if connection.is_usable and connection.is_answered:
            connection.idle_since = time.monotonic()
            connection.body()  # what a reader left
            self._idle.append(connection)
        else:
            connection.close()
