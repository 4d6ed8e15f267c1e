"""What goes on beside the answers."""

import asyncio

from structlog.testing import capture_logs

from gateway import afterwards
from gateway.afterwards import Afterwards


async def test_what_was_begun_is_done_before_the_stop():
    done = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    beside = Afterwards()
    for _ in range(3):
        beside.do(work(), name="work")
    assert done == []
    await beside.stop()
    await beside.stop()
    assert done == [1, 1, 1]


async def test_what_does_not_end_is_left_and_what_fails_is_told(monkeypatch):
    monkeypatch.setattr(afterwards, "STOP_WITHIN_S", 0.05)
    monkeypatch.setattr(afterwards, "AT_ONCE_MAX", 2)

    async def endless() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise RuntimeError("power cut")

    beside = Afterwards()
    with capture_logs() as told:
        for work in (endless(), broken(), endless()):
            beside.do(work, name="work")
        await beside.stop()
    assert [line["why"] for line in told] == ["too many at once", "RuntimeError: power cut", "stopping"]
