"""Events told by the directory."""

from datetime import datetime
from typing import ClassVar

from libs.common.contracts import Audited, Event


class EntityRegisteredV1(Event):
    """An entity was created. The ledger opens its account, the matcher and the notifier begin to know it."""

    TYPE: ClassVar[str] = "directory.entity.registered.v1"
    entity_id: str
    name: str
    email: str
    status: str
    owner_user_id: str | None = None


class EntityChangedV1(Event):
    """The whole state of an entity as others need it, after every change of it (matcher, ledger, notifier)."""

    TYPE: ClassVar[str] = "directory.entity.changed.v1"
    entity_id: str
    name: str
    email: str
    status: str
    listed: bool
    may_trade: bool
    city: str = ""
    region: str = ""
    country: str = ""
    categories: list[str] = []  # noqa: RUF012  pydantic copies it
    latitude: float | None = None
    """Rounded to about 1 km, as `longitude`; absent where the member gave no place."""
    longitude: float | None = None
    member_since: datetime | None = None
    listed_since: datetime | None = None
    daily_matches: bool = False


class EntityStatusChangedV1(Event):
    """A decision about an entity. The ledger takes the standing from it, the notifier mails it (EM-04)."""

    TYPE: ClassVar[str] = "directory.entity.status_changed.v1"
    entity_id: str
    name: str
    email: str
    old: str
    new: str
    listed: bool
    may_trade: bool
    by: str | None = None
    """User id of whoever decided."""


class EntityDeletedV1(Event):
    """An entity is gone."""

    TYPE: ClassVar[str] = "directory.entity.deleted.v1"
    entity_id: str
    name: str


class ApplicationReceivedV1(Event):
    """A member applied for trading (EM-03)."""

    TYPE: ClassVar[str] = "directory.application.received.v1"
    entity_id: str
    name: str
    email: str


class DatedTag(Event):
    """A tag in its normal form and since when it counts as added."""

    TYPE: ClassVar[str] = ""
    tag: str
    added_at: datetime


class TagsChangedV1(Event):
    """The whole new lists of an entity's offers and wants."""

    TYPE: ClassVar[str] = "directory.tags.changed.v1"
    entity_id: str
    listed: bool
    offers: list[DatedTag]
    wants: list[DatedTag]


class TagRenamedV1(Event):
    """An admin created (`old` null), renamed or merged (both), or deleted (`new` null) a tag. Subject: the tag's id."""

    TYPE: ClassVar[str] = "directory.tag.renamed.v1"
    old: str | None
    new: str | None


class CategoryChangedV1(Event):
    """An admin created (`old` null), renamed or merged (both), or deleted (`new` null) a category."""

    TYPE: ClassVar[str] = "directory.category.changed.v1"
    category_id: str
    old: str | None
    new: str | None


class ContactSentV1(Event):
    """A message from one entity to another, to be relayed by mail (EM-07)."""

    TYPE: ClassVar[str] = "directory.contact.sent.v1"
    message_id: str
    from_entity_id: str
    from_name: str
    from_email: str
    to_entity_id: str
    to_name: str
    to_email: str
    body: str
    copy_to_operator: bool = False
    """The operator gets a copy as well, in a mail of its own: the addresses are not exposed to each other."""


class MatchDismissedV1(Event):
    """A member does not want to see a match any more."""

    TYPE: ClassVar[str] = "directory.match.dismissed.v1"
    entity_id: str
    other_entity_id: str
    reason: str = ""


class AuditRecordedV1(Audited):
    """For the activity log, told where the directory's own change is not already in it."""

    TYPE: ClassVar[str] = "directory.audit.recorded.v1"
