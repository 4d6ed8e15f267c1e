"""Acknowledgements that go together are of what is done, of all of it, and of nothing that is in hand."""

import asyncio
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus.acks import Acks, gathered
from libs.common.testing import eventually
from libs.common.tests.doors import Door, opened

TAGS = st.sets(st.integers(1, 60), max_size=40)


@given(done=TAGS, in_hand=TAGS, before=TAGS)
def test_exactly_what_is_done_is_acknowledged(done, in_hand, before):
    done, before = done - in_hand, before - in_hand - done  # `before`: acknowledged earlier
    acknowledged = set()
    for tag, multiple in gathered(sorted(done), in_hand):
        assert tag in done, "the broker closes the channel of who acknowledges what it has not handed out"
        acknowledged |= {each for each in done | in_hand | before if each <= tag} if multiple else {tag}
    assert acknowledged - before == done


def test_without_a_gap_one_acknowledgement_is_for_all():
    assert gathered([4, 5, 6], {7, 8}) == [(6, True)]
    assert gathered([4], set()) == [(4, False)]
    assert gathered([4, 6, 7], {5}) == [(4, False), (6, False), (7, False)]


class Channel:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bool]] = []

    async def basic_ack(self, tag: int, *, multiple: bool, wait: bool) -> None:
        self.told.append((tag, multiple))


async def test_what_is_done_in_one_turn_goes_out_together():
    channel = Channel()
    acks = Acks(cast("Any", channel))
    for tag in range(1, 8):
        acks.came(tag)
    await asyncio.gather(*(acks.done(tag) for tag in (3, 1, 2, 5)))
    assert channel.told == [(3, True), (5, False)]
    await asyncio.gather(*(acks.done(tag) for tag in (4, 7, 6)))
    assert channel.told[2:] == [(7, True)]


async def test_beside_one_that_hangs_the_others_are_done_for_good(amqp_url):
    async with opened(Door("rabbit", amqp_url)) as door:
        first, second = await door.process(stop_timeout_s=0.1), await door.process()
        done, again = [], []

        async def hangs_once(envelope):
            if envelope.data["n"] == 3:
                await asyncio.Event().wait()
            done.append(envelope.data["n"])

        async def heard_again(envelope):
            again.append(envelope.data["n"])

        await first.subscribe(door.service, {door.type: hangs_once})
        await first.publish([door.event(n=n) for n in range(20)])
        await eventually(lambda: len(done) == 19)
        await first.close()
        await second.subscribe(door.service, {door.type: heard_again})
        await eventually(lambda: again == [3])
        await second.publish([door.event(n=99)])
        await eventually(lambda: again == [3, 99])
