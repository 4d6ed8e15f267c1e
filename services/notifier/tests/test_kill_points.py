"""SIGKILL between any two steps from the queue to the mail server: nothing is lost, and only a mail at the door comes twice."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from libs.common.clock import utc_now
from libs.common.testing import eventually
from libs.common.tests.doors import Door, opened
from services.notifier.consumers import handlers
from services.notifier.service.deps import Deps
from services.notifier.service.mailing import send_due
from services.notifier.settings import Settings
from services.notifier.tests import dying, events
from services.notifier.tests.conftest import Bench, FakePeers

ROOT = Path(__file__).parents[3]
PAYMENTS = 6
LEASE_S = 91
POINTS_REACHED = {
    "kept": (False, False),
    "taken_in_hand": (False, False),
    "at_the_door": (True, False),
    "settled": (True, True),
    "published": (True, True),
}
"""Whether a letter was taken by then, and whether one was settled."""
pytestmark = pytest.mark.parametrize("postgres_server", ["embedded"], indirect=True)


@pytest_asyncio.fixture
async def door(amqp_url: str) -> AsyncIterator[Door]:
    async with opened(Door("rabbit", amqp_url)) as made:
        yield made


async def dies(point: str, door: Door, database_url: str, folder: Path) -> None:
    """A notifier that works until this point."""
    command = [sys.executable, "-m", "services.notifier.tests.dying", point, door.url, database_url, str(folder)]
    process = await asyncio.create_subprocess_exec(*command, door.service, door.type, cwd=ROOT, env=os.environ)
    try:
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def taken(folder: Path) -> list[str]:
    """Every letter that the mail server took, as often as it did."""
    file = folder / "taken"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("point", ["kept", "taken_in_hand", "at_the_door", "settled", "published"])
async def test_after_a_kill_everything_is_told_and_nothing_twice_but_what_was_at_the_door(
    bench: Bench, databases, postgres_server, door: Door, tmp_path, point
):
    known = events.entity_changed()
    await handlers(bench.deps)[known.type](known)
    bus = await door.process(topology=dying.TOPOLOGY | {door.type: (door.service,)})
    news = [replace(events.proposed(transfer_id=f"t{n}"), type=door.type) for n in range(PAYMENTS)]
    assert len(await bus.publish(news)) == PAYMENTS
    await dies(point, door, databases[postgres_server], tmp_path)
    at_the_door = set(taken(tmp_path))
    settled = {row["id"] for row in await bench.rows("select id from mail where state = 'sent'")}
    assert (bool(at_the_door), bool(settled)) == POINTS_REACHED[point]

    later = Deps(bench.pool, lambda: utc_now() + timedelta(seconds=LEASE_S), Settings())
    relay, _ = await dying.works(later, await door.process(topology=dying.TOPOLOGY), door.service, door.type)

    async def all_told() -> bool:
        while await send_due(later, FakePeers(), dying.Door(tmp_path)):
            pass
        rows = await bench.rows("select state, (select count(*) from outbox) as told_to_come from mail")
        return len(rows) == PAYMENTS and all(row == {"state": "sent", "told_to_come": 0} for row in rows)

    try:
        await eventually(all_told, within_s=20)
    finally:
        await relay.stop()
    times = Counter(taken(tmp_path))
    assert len(times) == PAYMENTS
    assert {letter for letter, count in times.items() if count > 1} <= at_the_door - settled
    assert len(await bench.rows("select id from notice")) == PAYMENTS
    assert await bus.dead(door.service) == []
