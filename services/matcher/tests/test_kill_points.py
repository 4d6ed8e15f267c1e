"""SIGKILL between the two queues of the matcher: after a restart every match is told, each under one id, and nothing is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from libs.common.bus.port import Bus
from libs.common.contracts.directory import DatedTag, TagsChangedV1
from libs.common.contracts.matcher import MatchFoundV1
from libs.common.envelope import Envelope
from libs.common.testing import eventually
from libs.common.tests.doors import Door, opened
from services.matcher.index.elastic import ElasticIndex
from services.matcher.tests.builders import an_entity, an_id, fill
from services.matcher.tests.dying import Matcher, Names, Told

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANGED = range(11, 16)
"""They begin to offer bread…"""
WANTING = range(1, 5)
"""…which these want."""
EVERY_MATCH = {(an_id(mine), an_id(theirs)) for mine in CHANGED for theirs in WANTING}
ROOT = Path(__file__).parents[3]


@dataclass
class Notified:
    """Keeps what is told as the notifier does: by its id, once."""

    kept: dict[str, Envelope] = field(default_factory=dict)

    async def keep(self, envelope: Envelope) -> None:
        self.kept[envelope.id] = envelope

    def matches(self) -> list[tuple[str, str]]:
        events = [MatchFoundV1.read(envelope.data) for envelope in self.kept.values()]
        return sorted((event.offering_entity_id, event.wanting_entity_id) for event in events)


@dataclass
class Node:
    """The servers with five changes in both queues, and what was told of them."""

    index: ElasticIndex
    door: Door
    bus: Bus
    names: Names
    notified: Notified
    elasticsearch_url: str
    words: Path

    async def dies(self, point: str) -> int:
        """A matcher that works until this point; its last words."""
        where = [self.door.url, self.elasticsearch_url, str(self.words), str(len(CHANGED))]
        command = [sys.executable, "-m", "services.matcher.tests.dying", point, *where, *astuple(self.names)]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
        try:
            said, _ = await asyncio.wait_for(asyncio.to_thread(process.communicate), 60)
        finally:
            process.kill()
            process.wait(10)
        assert process.returncode == -signal.SIGKILL
        return int(said.split()[-1])

    async def written(self) -> int:
        """How many of the changes are in the index."""
        documents = [await self.index._read(an_id(number)) for number in CHANGED]
        return sum(document is not None and document.tags_sequence == 2 for document in documents)

    async def restarted(self) -> None:
        """Another matcher takes over; returns when it has told all there is."""
        matcher = Matcher(self.index, Told(self.bus, self.names.found), self.names)
        await matcher.listen(self.bus)
        await eventually(lambda: len(self.notified.kept) >= len(EVERY_MATCH), 30)


def bread_offered(number: int, kind: str) -> Envelope:
    offers = [DatedTag(tag="bread", added_at=NOW)]
    event = TagsChangedV1(entity_id=an_id(number), listed=True, offers=offers, wants=[])
    return replace(event.envelope(subject=an_id(number), sequence=2, time=NOW), type=kind)


@pytest_asyncio.fixture
async def door(amqp_url: str) -> AsyncIterator[Door]:
    async with opened(Door("rabbit", amqp_url)) as made:
        yield made


@pytest_asyncio.fixture
async def node(index: ElasticIndex, door: Door, elasticsearch_url: str, word_folder: Path) -> Node:
    await fill(
        index,
        *(an_entity(number, wants=["bread"]) for number in WANTING),
        *(an_entity(number) for number in CHANGED),
    )
    to_learn, to_tell, found = door.service, f"other{door.service}", f"test{door.mark}.match.found.v1"
    names = Names(index.name.removesuffix("-v1"), to_learn, to_tell, door.type, found)
    bus = await door.process(topology={door.type: (to_learn, to_tell)})
    notified = Notified()

    async def connected() -> None:
        """There is nothing to catch up with."""

    await bus.listen({found: notified.keep}, on_connected=connected)
    events = [bread_offered(number, door.type) for number in CHANGED]
    assert await bus.publish(events) == {event.id for event in events}
    return Node(index, door, bus, names, notified, elasticsearch_url, word_folder)


pytestmark = pytest.mark.parametrize("index", ["elasticsearch"], indirect=True)


@pytest.mark.parametrize("point", ["index_written", "index_acknowledged", "half_told", "all_told"])
async def test_after_a_kill_every_match_is_told_under_one_id_and_nothing_is_lost(node: Node, point: str) -> None:
    done = await node.dies(point)
    if point.startswith("index"):
        assert await node.written() >= done > 0
        assert not node.notified.kept, "the second queue had not begun"
    else:
        await eventually(lambda: len(node.notified.kept) >= done)
        assert 0 < done < len(EVERY_MATCH)
    before = set(node.notified.kept)
    await node.restarted()
    assert node.notified.matches() == sorted(EVERY_MATCH)
    assert before <= set(node.notified.kept)
    assert await node.written() == len(CHANGED)
    assert [await node.bus.dead(queue) for queue in (node.names.to_learn, node.names.to_tell)] == [[], []]
