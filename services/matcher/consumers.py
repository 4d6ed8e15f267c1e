"""Events in: each becomes facts about one entity; a change of tags is told as matches before it is done.

Registration, a change of status and a renamed category come with an `entity.changed` that says all of it, with a sequence to
compare; so the matcher hears that alone.
"""

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
from services.matcher.source import milliseconds, profile_of, tags_of


def subscriptions(news: News) -> dict[str, Handler]:
    """What one of all matcher processes handles."""

    async def changed(envelope: Envelope) -> None:
        event = EntityChangedV1.read(envelope.data)
        await news.learn_and_tell(Change(event.entity_id, (profile_of(event, envelope.sequence),)), _at(envelope))

    async def tags_changed(envelope: Envelope) -> None:
        event = TagsChangedV1.read(envelope.data)
        await news.learn_and_tell(Change(event.entity_id, (tags_of(event, envelope.sequence),)), _at(envelope))

    async def deleted(envelope: Envelope) -> None:
        await news.learn(Change(EntityDeletedV1.read(envelope.data).entity_id, (Gone(),)))

    async def dismissed(envelope: Envelope) -> None:
        event = MatchDismissedV1.read(envelope.data)
        await news.learn(Change(event.entity_id, (Dismissed(frozenset({event.other_entity_id})),)))

    async def band_changed(envelope: Envelope) -> None:
        event = AccountBandChangedV1.read(envelope.data)
        await news.learn(Change(event.entity_id, (Band(envelope.sequence, event.band),)))

    return {
        EntityChangedV1.TYPE: changed,
        TagsChangedV1.TYPE: tags_changed,
        EntityDeletedV1.TYPE: deleted,
        MatchDismissedV1.TYPE: dismissed,
        AccountBandChangedV1.TYPE: band_changed,
    }


def broadcasts(news: News) -> dict[str, Handler]:
    """What every matcher process hears, to know the words in use and those that are real."""

    async def changed(envelope: Envelope) -> None:
        event = EntityChangedV1.read(envelope.data)
        news.hear(profile_of(event, envelope.sequence))

    async def tags_changed(envelope: Envelope) -> None:
        event = TagsChangedV1.read(envelope.data)
        news.hear(tags_of(event, envelope.sequence))

    async def tag_renamed(envelope: Envelope) -> None:
        event = TagRenamedV1.read(envelope.data)
        news.hear_of_admin_tag(event.old, event.new)

    return {EntityChangedV1.TYPE: changed, TagsChangedV1.TYPE: tags_changed, TagRenamedV1.TYPE: tag_renamed}


def _at(envelope: Envelope) -> int:
    return milliseconds(envelope.time)
