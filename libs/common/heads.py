"""The head of a request is bounded in size, and a request in time: uvicorn's own protocol takes any number of bytes, and waits
for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536
HEAD_WITHIN_S = 20.0
BODY_WITHIN_S = 120.0


class BoundedHeads(HttpToolsProtocol):
    """Closes a connection whose request's head grows beyond HEAD_BYTES_MAX after its first piece (431), or is not there whole
    HEAD_WITHIN_S after the connection or the head began, or whose body is not there BODY_WITHIN_S after it began (408). The
    size of bodies is bounded by the applications."""

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
