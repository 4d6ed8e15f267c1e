"""The sockets that servers listen on, the heads of requests that come through them, and the answers that leave by them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from libs.common import http_server
from libs.common.serving import Serving, bind
from libs.common.testing import eventually

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


async def test_an_answer_on_an_accepted_connection_leaves_at_once():
    listening = bind("127.0.0.1", 0)
    delays: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delays.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    server = await asyncio.start_server(accepted, sock=listening)
    _, writer = await asyncio.open_connection(*listening.getsockname())
    assert await delays
    writer.close()
    server.close()
    await server.wait_closed()


PIECES = [b"x" * 200_000, b"yz", b"", b"end"]


async def _counts(scope: Any, receive: Any, send: Any) -> None:
    """Answers how many bytes the body had; on `/pieces`, PIECES as they are."""
    if scope["path"] == "/pieces":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in PIECES:
            await asyncio.sleep(0.01)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def connect():
    listening = bind("127.0.0.1", 0)
    serving = Serving(_counts, listening, stop_timeout_s=1)
    await serving.start()
    writers = []

    async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writers.append(writer)
        return reader, writer

    yield opened
    for writer in writers:
        writer.close()
    await serving.stop()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    return head.split(b"\r\n")[0]


async def _flood(writer: asyncio.StreamWriter) -> None:
    for _ in range(250):
        writer.write(b"y" * 16_384)
        await writer.drain()


async def test_a_head_without_end_is_refused_long_before_it_fills_the_memory(connect: Connect):
    _, writer = await connect()
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    with pytest.raises(ConnectionError):
        await _flood(writer)


async def test_a_head_that_is_not_there_in_time_ends_the_connection(connect: Connect, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 0.2)

    async def begins(begun: bytes) -> bytes:
        reader, writer = await connect()
        writer.write(begun)
        status = await _answer(reader)
        assert await reader.read() == b""
        return status

    told = await asyncio.gather(*(begins(begun) for begun in (b"", b"\r\n", b"GET / HTTP/1.1\r\nHost:")))
    assert set(told) == {b"HTTP/1.1 408 Request Timeout"}


async def test_a_second_head_has_its_time_as_well(connect: Connect, monkeypatch):
    reader, writer = await connect()
    writer.write(HEAD % 1 + b"a")
    assert await _answer(reader) == b"HTTP/1.1 200 OK"
    assert await reader.readexactly(1) == b"1"
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 0.0)
    writer.write(b"GET / HTTP/1.1\r\nHost:")
    assert await _answer(reader) == b"HTTP/1.1 408 Request Timeout"


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(connect: Connect, monkeypatch):
    monkeypatch.setattr(http_server, "BODY_WITHIN_S", 0.0)
    reader, writer = await connect()
    writer.write(HEAD % 5 + b"ab")
    assert await _answer(reader) == b"HTTP/1.1 408 Request Timeout"
    assert await reader.read() == b""


async def test_requests_that_follow_each_other_and_large_bodies_are_not_disturbed(connect: Connect, monkeypatch):
    made: list[Any] = []
    monkeypatch.setattr(http_server.BoundedHttp, "on_headers_complete", _noting(made))
    reader, writer = await connect()
    for size in (0, 5, 300_000):
        writer.write(HEAD % size)
        await eventually(lambda: made)
        protocol = made.pop()
        left_s = protocol._late and protocol._late.when() - asyncio.get_running_loop().time()
        assert left_s is None if size == 0 else left_s > http_server.HEAD_WITHIN_S  # a body has its own time
        writer.write(b"x" * size)
        assert await _answer(reader) == b"HTTP/1.1 200 OK"
        assert await reader.readexactly(len(str(size))) == b"%d" % size
    # the end of a large body and the beginning of the next request in one piece
    writer.write(HEAD % 200_000 + b"x" * 200_000 + b"GET / HTTP/1.1\r\nHo")
    assert await _answer(reader) == b"HTTP/1.1 200 OK"
    assert await reader.readexactly(6) == b"200000"
    writer.write(b"st: x\r\n\r\n")
    assert await _answer(reader) == b"HTTP/1.1 200 OK"


class _Counted:
    """A transport that notes what each write holds."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Any) -> None:
        self.writelines([data])

    def writelines(self, pieces: Any) -> None:
        self.written.append(b"".join(pieces))
        self._transport.writelines(pieces)


async def test_an_answer_is_one_write(connect: Connect, monkeypatch):
    transports: list[_Counted] = []
    plain = http_server.BoundedHttp.connection_made

    def connection_made(protocol: Any, transport: Any) -> None:
        transports.append(_Counted(transport))
        plain(protocol, transports[-1])

    monkeypatch.setattr(http_server.BoundedHttp, "connection_made", connection_made)
    reader, writer = await connect()
    for _ in range(3):
        writer.write(HEAD % 1 + b"a")
        assert await _answer(reader) == b"HTTP/1.1 200 OK"
        assert await reader.readexactly(1) == b"1"
    writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await _answer(reader) == b"HTTP/1.1 200 OK"
    [transport] = transports
    assert [each[:15] for each in transport.written] == [b"HTTP/1.1 200 OK"] * 4
    assert [each.partition(b"\r\n\r\n")[2] for each in transport.written] == [b"1", b"1", b"1", b""]


async def test_a_body_in_pieces_comes_whole_behind_its_head(connect: Connect):
    reader, writer = await connect()
    writer.write(b"GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in PIECES if piece) + b"0\r\n\r\n"


async def test_whoever_waits_to_send_the_body_is_told_to_go_on(connect: Connect):
    reader, writer = await connect()
    writer.write(HEAD.replace(b"Host", b"Expect: 100-continue\r\nHost") % 1)
    assert await _answer(reader) == b"HTTP/1.1 100 Continue"
    writer.write(b"a")
    assert await _answer(reader) == b"HTTP/1.1 200 OK"
    assert await reader.readexactly(1) == b"1"


def _noting(made: list[Any]) -> Any:
    plain = http_server.BoundedHttp.on_headers_complete

    def on_headers_complete(protocol: Any) -> None:
        plain(protocol)
        # after what is to be done with this piece
        asyncio.get_running_loop().call_soon(made.append, protocol)

    return on_headers_complete
