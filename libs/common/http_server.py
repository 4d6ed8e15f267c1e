"""How every service speaks HTTP: uvicorn's protocol, where heads are bounded in size and requests in time (it takes any number
of bytes, and waits for ever), and where an answer is one write (it sends head and body by themselves)."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX = 65_536
HEAD_WITHIN_S = 20.0
BODY_WITHIN_S = 120.0


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request's head grows beyond HEAD_BYTES_MAX after its first piece (431), or is not there whole
    HEAD_WITHIN_S after the connection or the head began, or whose body is not there BODY_WITHIN_S after it began (408). The
    size of bodies is bounded by the applications. Answers go through `_OneWrite`."""

    _in_head = True
    _body_of: Any = None
    """The scope of the request whose body is on its way."""
    _head_bytes = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin_waiting(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = -1  # what came with the first piece may be another request's body

    def on_headers_complete(self) -> None:
        self._in_head, self._body_of = False, self.scope
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.transport is self.transport and self.scope["method"] != "HEAD":
            self.cycle.transport = _OneWrite(self.transport, self.cycle)  # type: ignore[assignment]  # all that a cycle asks of one

    def on_message_complete(self) -> None:
        self._body_of = None
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        began = self._body_of
        super().data_received(data)
        if self._in_head:
            self._count(len(data))
        elif self._body_of is None:
            self._end_waiting()
        elif self._body_of is not began:
            self._end_waiting()
            self._begin_waiting(BODY_WITHIN_S)

    def _count(self, size: int) -> None:
        if self._head_bytes < 0:
            self._head_bytes = 0
            self._end_waiting()
            self._begin_waiting(HEAD_WITHIN_S)
            return
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(b"431 Request Header Fields Too Large")

    def _begin_waiting(self, within_s: float) -> None:
        self._late = self.loop.call_later(within_s, self._refuse, b"408 Request Timeout")

    def _end_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes) -> None:
        self._end_waiting()
        if self.transport.is_closing():
            return
        answer_begun = self.cycle is not None and self.cycle.response_started
        if not answer_begun or (self._in_head and self.cycle.response_complete):
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


class _OneWrite:
    """Holds the head of an answer until its first body is there, as ASGI asks servers to
    (asgi.readthedocs.io, "Response Start"): one system call and one packet less for both sides."""

    __slots__ = ("_before", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._before: RequestResponseCycle | None = cycle
        """Until its answer begins: afterwards the two would keep each other alive until the collector finds them."""
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if self._head is not None:
            self._transport.writelines((self._head, data))
            self._head = None
        elif self._before is not None and self._before.response_started:
            self._before, self._head = None, data
        else:
            self._transport.write(data)  # the rest of a body, or `100 Continue` before the head

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
