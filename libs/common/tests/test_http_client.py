"""Calls over kept connections, against a server that says exactly what a test tells it to."""

import asyncio
import contextlib

import pytest
import pytest_asyncio

from libs.common import http_client
from libs.common.http_client import AHEAD_BYTES_MAX, BrokenAnswer, Host
from libs.common.serving import run
from libs.common.testing import eventually

OK = b"HTTP/1.1 200 OK\r\nX-Kind: a\r\nContent-Length: 2\r\n\r\nok"
CLOSE = object()


class Scripted:
    """Answers each request, whichever connection it comes on, with the next line of its script."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked: list[bytes] = []
        self.opened = self.ended = 0
        self.hosts: list[Host] = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for host in self.hosts:
            host.close()
        await eventually(lambda: self.ended == self.opened)

    def host(self, **more) -> Host:
        port = self.server.sockets[0].getsockname()[1]
        self.hosts.append(Host(f"http://127.0.0.1:{port}/prefix/", **{"connections_max": 4} | more))
        return self.hosts[-1]

    async def _serve(self, reader, writer):
        self.opened += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.transport.abort()
        self.ended += 1

    async def _talk(self, reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0)
            self.asked.append(head + await reader.readexactly(length))
            for step in self.script.pop(0) if self.script else [OK]:
                if step is CLOSE:
                    return
                writer.write(step)
                await writer.drain()


@pytest_asyncio.fixture
async def told(request):
    async with Scripted(*getattr(request, "param", ())) as server:
        yield server


async def get(host, method="GET", body=None, timeout_s=5.0, target="/x", headers=None):
    head, content = await host.call(method, target, headers or {}, body, timeout_s=timeout_s)
    return head.status, content


async def test_requests_one_after_the_other_share_a_connection(told):
    host = told.host()
    head, content = await host.call("PUT", "/a?b=c", {"X-One": "1"}, b"{}", timeout_s=5)
    assert (head.status, head.headers["x-kind"], content) == (200, "a", b"ok")
    assert await get(host) == (200, b"ok")
    assert told.opened == 1
    first, second = told.asked
    assert first.startswith(b"PUT /prefix/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}" in first
    assert b"Content-Length" not in second


async def test_at_once_there_are_no_more_connections_than_allowed(told):
    host = told.host(connections_max=2)
    assert await asyncio.gather(*(get(host) for _ in range(9))) == [(200, b"ok")] * 9
    assert told.opened == 2


@pytest.mark.parametrize(
    ("answer", "status", "content"),
    [
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK], 200, b"ok"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n"], 200, b"abc"),
        ([OK[:20], OK[20:-1], OK[-1:]], 200, b"ok"),
        ([b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"], 503, b""),
    ],
    ids=["after an interim answer", "without a body", "in chunks", "byte by byte", "a refusal"],
)
async def test_answers_of_every_form_are_read_and_the_connection_is_kept(told, answer, status, content):
    told.script = [answer]
    host = told.host()
    assert await get(host) == (status, content)
    assert await get(host) == (200, b"ok")
    assert told.opened == 1


@pytest.mark.parametrize(
    "answer",
    [
        [b"nonsense\r\n\r\n"],
        [OK[:-1], CLOSE],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", CLOSE],
        [CLOSE],
    ],
    ids=["no HTTP", "cut in its body", "cut between chunks", "nothing"],
)
async def test_what_is_not_whole_is_no_answer(told, answer):
    told.script = [answer]
    host = told.host()
    with pytest.raises(BrokenAnswer):
        await get(host)
    assert await get(host) == (200, b"ok")
    assert told.opened == 2


async def test_an_answer_that_is_too_long_is_refused(told, monkeypatch):
    monkeypatch.setattr(http_client, "BODY_BYTES_MAX", 1000)
    told.script = [[b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 2000]]
    with pytest.raises(BrokenAnswer, match="too long"):
        await get(told.host())


async def test_a_kept_connection_that_ended_unseen_costs_a_read_nothing(told):
    told.script = [[OK], [CLOSE], [OK]]
    host = told.host()
    await get(host)
    assert await get(host) == (200, b"ok")
    assert (told.opened, len(told.asked)) == (2, 3)


async def test_what_may_have_been_done_is_not_sent_again(told):
    told.script = [[OK], [CLOSE], [OK]]
    host = told.host()
    await get(host)
    with pytest.raises(BrokenAnswer):
        await get(host, "POST", b"{}")
    assert len(told.asked) == 2


async def test_a_new_connection_that_ends_is_not_tried_again(told):
    told.script = [[CLOSE], [OK]]
    with pytest.raises(BrokenAnswer):
        await get(told.host())
    assert len(told.asked) == 1


@pytest.mark.parametrize(
    "step",
    [OK + b"more", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    ids=["more", "close"],
)
async def test_a_connection_with_something_left_over_or_told_to_end_is_not_used_again(told, step):
    told.script = [[step]]
    host = told.host()
    with contextlib.suppress(BrokenAnswer):  # what comes after an answer in the same piece may spoil it
        assert await get(host) == (200, b"ok")
    assert await get(host) == (200, b"ok")
    assert told.opened == 2


async def test_a_connection_idle_for_long_is_not_used_again(told, monkeypatch):
    host = told.host()
    await get(host)
    monkeypatch.setattr(http_client, "IDLE_S", 0.0)
    await get(host)
    assert told.opened == 2


async def test_who_does_not_answer_in_time_loses_the_connection(told):
    told.script = [[]]
    with pytest.raises(TimeoutError):
        await get(told.host(), timeout_s=0.05)
    await eventually(lambda: told.ended == 1)


async def test_an_answer_that_stops_in_its_middle_is_waited_for_no_longer(told):
    told.script = [[OK[:-1]]]
    host = told.host()
    with pytest.raises(TimeoutError):
        await get(host, timeout_s=0.05)
    assert await get(host) == (200, b"ok")
    assert told.opened == 2


async def test_waiting_for_ones_turn_is_part_of_the_time(told):
    told.script = [[]]
    host = told.host(connections_max=1)
    first = asyncio.create_task(get(host))
    await eventually(lambda: len(told.asked) == 1)
    with pytest.raises(TimeoutError):
        await get(host, timeout_s=0.05)
    assert len(told.asked) == 1
    first.cancel()
    assert await get(host) == (200, b"ok")


async def test_who_is_cancelled_ends_the_connection_and_gives_its_place_back(told):
    told.script = [[]]
    host = told.host(connections_max=1)
    work = asyncio.create_task(get(host))
    await eventually(lambda: len(told.asked) == 1)
    work.cancel()
    await eventually(lambda: told.ended == 1)
    assert work.cancelled()
    assert await get(host) == (200, b"ok")


@pytest.mark.parametrize("bad", [{"target": "/x\r\nX: y"}, {"target": "/x y"}, {"headers": {"X": "a\r\nY: b"}}])
async def test_nothing_can_be_smuggled_into_a_request(told, bad):
    with pytest.raises(ValueError, match="cannot stand there"):
        await get(told.host(), **bad)
    assert told.asked == []


async def test_a_stream_takes_no_more_ahead_than_its_reader_wants(told):
    piece, count = b"x" * 65_536, 400
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * count)
    told.script = [[head, *[piece] * count]]
    host, total, most = told.host(), 0, 0
    async with host.stream("GET", "/x", {}, timeout_s=5) as (answered, pieces):
        assert answered.status == 200
        async for each in pieces:
            total, most = total + len(each), max(most, len(each))
            await asyncio.sleep(0)
    assert total == len(piece) * count
    assert most < 4 * AHEAD_BYTES_MAX
    assert await get(host) == (200, b"ok")
    assert told.opened == 1


async def test_a_stream_left_early_ends_its_connection(told):
    told.script = [[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"]]
    host = told.host()
    async with host.stream("GET", "/x", {}, timeout_s=5) as (_, pieces):
        assert await anext(pieces) == b"ab"
    assert await get(host) == (200, b"ok")
    assert told.opened == 2


async def test_closing_tells_those_who_wait(told):
    told.script = [[]]
    host = told.host()
    work = asyncio.create_task(get(host))
    await eventually(lambda: len(told.asked) == 1)
    host.close()
    with pytest.raises(BrokenAnswer):
        await work


def test_it_runs_in_the_loop_that_services_run_in():
    async def main():
        async with Scripted([OK[:20], OK[20:]], [OK[:-1], CLOSE]) as server:
            host = server.host()
            told = [await get(host)]
            with pytest.raises(BrokenAnswer):
                await get(host)
            told.append(await get(host))
            return told

    assert run(main()) == [(200, b"ok")] * 2
