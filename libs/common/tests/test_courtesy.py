"""Background work rests after a turn in which somebody waited for an answer, and at no other time."""

import asyncio
import time

import pytest

from libs.common.courtesy import REST_MAX_S, REST_TURNS, Turn, begin, end
from libs.common.edge import Edge


@pytest.fixture
def rests(monkeypatch) -> list[float]:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("libs.common.courtesy.asyncio.sleep", sleep)
    return found


async def test_nobody_waits_so_nothing_rests(rests):
    await Turn().rest()
    assert rests == []


async def test_a_rest_is_as_long_as_a_few_turns_and_bounded(rests, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("libs.common.courtesy.time.monotonic", lambda: now[0])
    begin()
    try:
        short = Turn()
        now[0] += 0.01
        await short.rest()
        long = Turn()
        now[0] += 60
        await long.rest()
    finally:
        end()
    assert rests == [pytest.approx(REST_TURNS * 0.01), REST_MAX_S]


async def test_a_request_counts_from_its_first_to_its_last_moment_also_when_it_fails(rests):
    asked = asyncio.Event()

    async def app(scope, receive, send):
        await asked.wait()
        raise RuntimeError

    async def unexpected(scope, receive, send):
        return

    async def receive():
        return {}

    async def send(message):
        return

    edge = Edge(app, "test", 1000, lambda _: unexpected)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    request = asyncio.ensure_future(edge(scope, receive, send))
    for _ in range(3):
        await asyncio.wait([request], timeout=0)
    began = time.monotonic()
    await Turn().rest()
    assert len(rests) == 1
    assert time.monotonic() - began < REST_MAX_S
    asked.set()
    await request
    await Turn().rest()
    assert len(rests) == 1
