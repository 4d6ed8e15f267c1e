"""Events in: each becomes facts about one entity; those that bring tags are told as matches, from a queue of their own.

Registration, a change of status and a renamed category come with an `entity.changed` that says all of it, with a sequence to
compare; so the matcher hears that alone.
"""

import asyncio
from collections.abc import Callable

from libs.common.bus.port import Handler
from libs.common.contracts.directory import (
    EntityChangedV1,
    EntityDeletedV1,
    MatchDismissedV1,
    TagRenamedV1,
    TagsChangedV1,
)
from libs.common.contracts.ledger import AccountBandChangedV1
from libs.common.envelope import Envelope
from services.matcher.domain.documents import Band, Dismissed, Gone
from services.matcher.index.port import Change
from services.matcher.service.news import News
from services.matcher.service.teller import Teller
from services.matcher.source import milliseconds, profile_of, tags_of


class Turns:
    """Messages come many at once; they are read one after the other, and whoever else works in this process comes in between."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def change_in(self, envelope: Envelope) -> Change:
        """As `change_in`."""
        async with self._turn:
            await asyncio.sleep(0)
            return change_in(envelope)


def subscriptions(news: News) -> dict[str, Handler]:
    """What one of all matcher processes handles, durably: into the index."""

    turns = Turns()

    async def learn(envelope: Envelope) -> None:
        await news.learn(await turns.change_in(envelope))

    return dict.fromkeys(_FACTS, learn)


def to_tell(teller: Teller) -> dict[str, Handler]:
    """What one of all matcher processes tells the matches of, from the queue `matches`."""

    turns = Turns()

    async def tell(envelope: Envelope) -> None:
        await teller.tell(await turns.change_in(envelope), milliseconds(envelope.time))

    return {EntityChangedV1.TYPE: tell, TagsChangedV1.TYPE: tell}


def broadcasts(news: News) -> dict[str, Handler]:
    """What every matcher process hears: the words in use and those that are real, and what it remembers of entities."""

    turns = Turns()

    async def hear(envelope: Envelope) -> None:
        news.hear(await turns.change_in(envelope))

    async def tag_renamed(envelope: Envelope) -> None:
        event = TagRenamedV1.read(envelope.data)
        news.hear_of_admin_tag(event.old, event.new)

    handlers: dict[str, Handler] = dict.fromkeys(_FACTS, hear)
    return handlers | {TagRenamedV1.TYPE: tag_renamed}


def change_in(envelope: Envelope) -> Change:
    """The facts that an event tells. Raises pydantic.ValidationError for one that is none."""
    return _FACTS[envelope.type](envelope)


def _changed(envelope: Envelope) -> Change:
    event = EntityChangedV1.read(envelope.data)
    return Change(event.entity_id, (profile_of(event, envelope.sequence),))


def _tags_changed(envelope: Envelope) -> Change:
    event = TagsChangedV1.read(envelope.data)
    return Change(event.entity_id, (tags_of(event, envelope.sequence),))


def _deleted(envelope: Envelope) -> Change:
    return Change(EntityDeletedV1.read(envelope.data).entity_id, (Gone(),))


def _dismissed(envelope: Envelope) -> Change:
    event = MatchDismissedV1.read(envelope.data)
    return Change(event.entity_id, (Dismissed(frozenset({event.other_entity_id})),))


def _band_changed(envelope: Envelope) -> Change:
    event = AccountBandChangedV1.read(envelope.data)
    return Change(event.entity_id, (Band(envelope.sequence, event.band),))


_FACTS: dict[str, Callable[[Envelope], Change]] = {
    EntityChangedV1.TYPE: _changed,
    TagsChangedV1.TYPE: _tags_changed,
    EntityDeletedV1.TYPE: _deleted,
    MatchDismissedV1.TYPE: _dismissed,
    AccountBandChangedV1.TYPE: _band_changed,
}
