"""Acknowledgements of one channel, gathered: those of one turn of the loop go out together.

A broker's work for an acknowledgement is about the same for one message and for fifty, and so is ours.
"""

import asyncio

import aiormq.abc


class Acks:
    """Knows which messages of the channel are in hand. The channel has one consumer, so that their tags come in order."""

    def __init__(self, channel: aiormq.abc.AbstractChannel) -> None:
        self._channel = channel
        self._in_hand: set[int] = set()
        self._done: list[int] = []
        self._is_going = False

    def came(self, tag: int) -> None:
        """The message is in hand; told of every message, in the order they come."""
        self._in_hand.add(tag)

    async def done(self, tag: int) -> None:
        """The message is acknowledged, with the others that are done by the end of this turn."""
        self._in_hand.discard(tag)
        self._done.append(tag)
        if self._is_going:
            return
        self._is_going = True
        try:
            await asyncio.sleep(0)
        finally:
            self._is_going = False
            done, self._done = sorted(self._done), []
        for last, multiple in gathered(done, self._in_hand):
            await self._channel.basic_ack(last, multiple=multiple, wait=False)

    async def back(self, tag: int) -> None:
        """The message is not done: the broker hands it out again."""
        await self._channel.basic_nack(tag, requeue=True, wait=False)
        self._in_hand.discard(tag)


def gathered(done: list[int], in_hand: set[int]) -> list[tuple[int, bool]]:
    """Which tags to acknowledge so that all that are done are, and none that is in hand; whether with all before it."""
    first_in_hand = min(in_hand, default=None)
    together = [tag for tag in done if first_in_hand is None or tag < first_in_hand]
    alone = done[len(together) :]
    return [*([(together[-1], len(together) > 1)] if together else []), *((tag, False) for tag in alone)]
