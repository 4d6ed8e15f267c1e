"""A process of the matcher that ends itself by SIGKILL between its two queues: `python -m services.matcher.tests.dying POINT …`.

Everything in it is the real thing up to that point; the line it prints before says how much was done.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, cast

from libs.common.bus.port import Bus, Handler
from libs.common.bus.rabbit import RabbitBus
from libs.common.contracts.directory import TagsChangedV1
from libs.common.envelope import Envelope
from libs.common.testing import FixedClock
from libs.common.tests.doors import OPTIONS
from services.matcher.consumers import subscriptions, to_tell
from services.matcher.index.elastic import ElasticIndex, connect
from services.matcher.index.port import Change
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.deps import Deps
from services.matcher.service.news import News
from services.matcher.service.teller import Teller
from services.matcher.tests.builders import FixedSource
from services.matcher.tests.conftest import LANGUAGES
from services.matcher.wordlist import open_word_list


@dataclass(frozen=True, slots=True)
class Names:
    """What this test has for itself on the servers: the queues, and types of events that nobody else hears."""

    index: str
    to_learn: str
    to_tell: str
    changed: str
    found: str


class Told:
    """A bus that publishes matches under the test's own type; `calls` counts who asked."""

    def __init__(self, bus: Bus, kind: str) -> None:
        self._bus = bus
        self._kind = kind
        self.calls = 0
        self.told = 0

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        """As the bus does."""
        self.calls += 1
        taken = await self._bus.publish([replace(envelope, type=self._kind) for envelope in envelopes])
        self.told += len(taken)
        return taken


class Matcher:
    """Index and both queues, as the service puts them together; `found` takes the matches."""

    def __init__(self, index: ElasticIndex, found: Told, names: Names) -> None:
        deps = Deps(index, FixedSource(), cast("Bus", found), FixedClock())
        self.index = index
        self.news = News(deps)
        self._names = names
        self.learning = self._own(subscriptions(self.news))
        self.telling = self._own(to_tell(Teller(deps, self.news)))

    def _own(self, handlers: dict[str, Handler]) -> dict[str, Handler]:
        async def handle(envelope: Envelope) -> None:
            await handlers[TagsChangedV1.TYPE](replace(envelope, type=TagsChangedV1.TYPE))

        return {self._names.changed: handle}

    async def listen(self, bus: Bus) -> None:
        """To both queues."""
        await self.index.start()
        await self.news.learn_words()
        await bus.subscribe(self._names.to_learn, self.learning)
        await bus.subscribe(self._names.to_tell, self.telling)


def _die(last_words: object) -> NoReturn:
    print(last_words, flush=True)  # noqa: T201  read by the test
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives SIGKILL")


async def index_written(matcher: Matcher, bus: Bus, names: Names) -> None:
    """After a change was written into the index, and before its queue is told; the other queue was not looked at."""
    learn, written = matcher.news.learn, 0

    async def last(change: Change) -> None:
        nonlocal written
        await learn(change)
        written += 1
        _die(written)

    matcher.news.learn = last  # type: ignore[method-assign]  # the point at which it dies
    await bus.subscribe(names.to_learn, matcher.learning)


async def index_acknowledged(matcher: Matcher, bus: Bus, names: Names, amqp_url: str, changes: int) -> None:
    """After all changes were written and their queue was told; as soon as the other queue brings the first of them."""
    learn, written, all_written = matcher.news.learn, 0, asyncio.Event()

    async def count(change: Change) -> None:
        nonlocal written
        await learn(change)
        written += 1
        if written == changes:
            all_written.set()

    matcher.news.learn = count  # type: ignore[method-assign]  # likewise
    await bus.subscribe(names.to_learn, matcher.learning)
    await all_written.wait()
    await bus.close()
    second = RabbitBus(amqp_url, OPTIONS)
    await second.start()

    async def last(_: Envelope) -> None:
        _die(written)

    await second.subscribe(names.to_tell, {names.changed: last})


class HalfTold(Told):
    """Dies in a later round, when half of the matches of one change are with the broker."""

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        if self.calls < 1:
            return await super().publish(envelopes)
        await super().publish(envelopes[: len(envelopes) // 2])
        _die(self.told)


class AllTold(Told):
    """Dies when all matches of a change are with the broker, and the queue was not told."""

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        await super().publish(envelopes)
        _die(self.told)


async def main(point: str, amqp_url: str, elastic_url: str, words: str, changes: int, names: Names) -> None:
    """Until it dies."""
    bus = RabbitBus(amqp_url, OPTIONS)
    await bus.start()
    lexicon = NodeLexicon(LANGUAGES, open_word_list(LANGUAGES, Path(words)))
    index = ElasticIndex(connect(elastic_url, timeout_s=30.0), names.index, lexicon, shards=1, replicas=0)
    found = {"half_told": HalfTold, "all_told": AllTold}.get(point, Told)(bus, names.found)
    matcher = Matcher(index, found, names)
    await index.start()
    await matcher.news.learn_words()
    match point:
        case "index_written":
            await index_written(matcher, bus, names)
        case "index_acknowledged":
            await index_acknowledged(matcher, bus, names, amqp_url, changes)
        case _:
            await matcher.listen(bus)
    await asyncio.Event().wait()


if __name__ == "__main__":
    _, point, amqp, elastic, folder, count, *own = sys.argv
    asyncio.run(main(point, amqp, elastic, folder, int(count), Names(*own)))
