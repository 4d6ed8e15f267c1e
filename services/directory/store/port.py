"""The directory's store as the use cases see it; `postgres` and `mongodb` are its two doors and pass one contract suite.

Every write that has something to tell takes its events along: they are kept with the data in one atomic step and told
by the relay. Writes of versioned things say which version they saw; False means somebody was quicker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from libs.common.envelope import Envelope
from libs.common.outbox import OutboxStore
from services.directory.domain.entity import Entity

TermKind = Literal["tag", "category"]


@dataclass(frozen=True, slots=True)
class Membership:
    """Who acts for which entity, as identity told it; `role` None: no longer."""

    entity_id: str
    user_id: str
    role: str | None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """What the directory knows of a user: whose mail address it was that did something, and whether it is confirmed."""

    user_id: str
    email: str = ""
    email_verified: bool = False
    sequence: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """A tag or a category, with how many listed entities offer, want, or (category) have it."""

    id: str
    kind: TermKind
    name: str
    made_by_admin: bool = False
    offers: int = 0
    wants: int = 0
    entities: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """By how much one counter of a term moves."""

    kind: TermKind
    name: str
    field: Literal["offers", "wants", "entities"]
    by: int


@dataclass(frozen=True, slots=True)
class Write:
    """A new state of an entity with what it tells; `entity.version` is one above the version it replaces."""

    entity: Entity
    events: tuple[Envelope, ...] = ()
    counts: tuple[Count, ...] = ()
    before: Entity | None = None
    """What it replaces, where the writer says so: a door may then send the difference alone."""


@dataclass(frozen=True, slots=True)
class Job:
    """A rename or delete on its way through all entities (AD-05)."""

    id: str
    kind: TermKind
    term_id: str
    new: str | None
    by: str
    started_at: datetime
    old: str = ""
    """The name at the moment the job began its work; empty before."""
    merged_into: str | None = None
    status: Literal["waiting", "running", "done", "failed"] = "waiting"
    cursor: str = ""
    """Entities up to this id are done."""
    entities_done: int = 0
    entities_total: int = 0
    faults: int = 0
    finished_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A contact message (DI-10)."""

    id: str
    from_entity_id: str
    to_entity_id: str
    by: str
    body: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the activity log; `id` is the id of the event that told it."""

    id: str
    at: datetime
    category: str
    action: str
    detail: str
    actor_id: str | None = None
    actor_email: str | None = None
    actor_role: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    entity_id: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EntityFilter:
    """AD-03. Texts find parts, ignoring case and accents; None and () filter nothing, empty `ids` find nothing."""

    ids: tuple[str, ...] | None = None
    name: str | None = None
    email: str | None = None
    statuses: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    tagged_since: datetime | None = None
    category: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class TermFilter:
    """Terms of one kind that have a listed entity or were made by an admin; prefix and fragment ignore case and accents."""

    kind: TermKind
    prefix: str | None = None
    fragment: str | None = None
    letter: str | None = None
    used_as: Literal["offers", "wants"] | None = None
    made_by_admin: bool | None = None
    most_used_first: bool = False


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """AD-07. `email`, `action` and `detail` find parts, ignoring case; `date_to` is excluded."""

    email: str | None = None
    category: str | None = None
    action: str | None = None
    detail: str | None = None
    entity_id: str | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a numbered list."""

    offset: int = 0
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Note:
    """A small thing that several copies of the service agree on; version 0 is one that is not there."""

    version: int = 0
    value: Any = field(default=None)


@dataclass(frozen=True, slots=True)
class Glance:
    """That an entity is there, at which version, and what it is to whoever looks."""

    entity_id: str
    version: int
    is_own: bool = False
    is_favorite: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """Which entities changed since a mark, whose memberships did, and the mark for the next time."""

    mark: str
    ids: tuple[str, ...] | None = ()
    """None: too many to name."""
    users: tuple[str, ...] | None = ()
    """Likewise."""


def few(ids: Sequence[str], limit: int) -> tuple[str, ...] | None:
    """Each once; None where there are more than so many."""
    return tuple(dict.fromkeys(ids)) if len(ids) <= limit else None


class DirectoryStore(Protocol):
    """Everything the directory keeps."""

    @property
    def outbox(self) -> OutboxStore:
        """What waits to be told."""

    @property
    def counts_may_drift(self) -> bool:
        """Whether a crash can leave a term's counts wrong, so that they are counted anew now and then."""

    async def close(self) -> None:
        """Gives connections back."""

    async def healthy(self) -> bool:
        """Whether the store answers."""

    # entities

    async def insert(self, write: Write) -> bool:
        """Keeps a new entity; False when the id is taken."""

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """Replaces entities, each where its stored version is one below; which were."""

    async def entity(self, entity_id: str) -> Entity | None:
        """The entity, also a tombstone."""

    async def entities(self, ids: Sequence[str]) -> list[Entity]:
        """Those that are there, tombstones too, in any order."""

    async def glance(self, ids: Sequence[str], user_id: str | None, viewer_id: str | None) -> list[Glance]:
        """These entities and the one that looks, or where none is named all that the user acts for: whether they are the
        user's, and whether they are favourites of the one that looks. In any order, tombstones too."""

    async def own(self, user_id: str) -> list[tuple[Entity, list[Membership]]]:
        """The entities that a user acts for, in the order of ids, each with all who act for it; tombstones too."""

    async def changes(self, since: str | None, limit: int) -> Changes | None:
        """Ids of the entities, and of the users whose memberships, were kept or replaced since this mark (some of those before
        too, none that was since is missing); without a mark none. None: this door cannot tell."""

    async def after(self, entity_id: str, limit: int) -> list[Entity]:
        """In the order of ids from the one after this, tombstones too."""

    async def holding(self, kind: TermKind, name: str, after: str, limit: int) -> list[Entity]:
        """Entities that have this tag or category, in the order of ids from the one after this."""

    async def count_holding(self, kind: TermKind, name: str) -> int:
        """How many have it, listed or not."""

    async def find(self, wanted: EntityFilter, part: Slice) -> tuple[list[Entity], int]:
        """Entities that are not deleted, by name or newest first, and how many there are in all."""

    async def count_by_status(self) -> dict[str, int]:
        """How many entities that are not deleted have each status."""

    # people

    async def put_membership(self, membership: Membership) -> bool:
        """Keeps it unless one with at least this sequence is there; whether it was kept."""

    async def memberships_of(self, user_id: str) -> list[Membership]:
        """For which entities a user acts now."""

    async def members(self, entity_id: str) -> list[Membership]:
        """Who acts for an entity now."""

    async def role(self, entity_id: str, user_id: str) -> str | None:
        """As what this user acts for this entity, if so."""

    async def put_person(self, person: Person) -> bool:
        """Keeps it unless one with at least this sequence is there; whether it was kept. What was deleted stays so."""

    async def person(self, user_id: str) -> Person | None:
        """What is known of a user, unless deleted."""

    async def forget_person(self, user_id: str) -> None:
        """Drops the person's data and memberships; whatever comes late is not kept any more."""

    # favourites and dismissed matches

    async def add_favorite(self, entity_id: str, other_id: str, at: datetime) -> None:
        """Once is enough."""

    async def remove_favorite(self, entity_id: str, other_id: str) -> None:
        """Also when it is not there."""

    async def favorites(self, entity_id: str, among: Sequence[str] | None = None) -> list[str]:
        """Ids, newest first; with `among` only those of these."""

    async def dismiss(self, entity_id: str, other_id: str, at: datetime, events: Sequence[Envelope]) -> bool:
        """Keeps a dismissed match and tells it; False when it was dismissed already."""

    async def dismissed(self, entity_id: str) -> list[str]:
        """Ids, newest first."""

    async def dismissed_by(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Of several entities: id to ids."""

    async def forget_links(self, entity_id: str) -> None:
        """Drops favourites and dismissals from and to a deleted entity."""

    # messages and notes

    async def add_message(self, message: Message, events: Sequence[Envelope]) -> None:
        """Keeps a contact message and tells it."""

    async def note(self, key: str) -> Note:
        """The note of this name."""

    async def swap_note(self, key: str, seen: Note, value: Any) -> bool:
        """Replaces a note where it still is as it was seen."""

    # tags and categories

    async def terms(self, wanted: TermFilter, part: Slice) -> tuple[list[Term], int]:
        """By name, or the most used first, and how many there are in all."""

    async def letters(self, kind: TermKind) -> dict[str, int]:
        """Under which headings terms stand, and how many under each."""

    async def term(self, term_id: str) -> Term | None:
        """By id, also one that nobody listed uses."""

    async def term_named(self, kind: TermKind, name: str) -> Term | None:
        """By its name in normal form."""

    async def add_term(self, term: Term, events: Sequence[Envelope] = ()) -> bool:
        """Keeps a term and tells it; False when the name is taken."""

    async def put_term(self, term: Term) -> bool:
        """Replaces a term's name, maker and sequence; its counts stay. False when the name is taken."""

    async def remove_term(self, term_id: str) -> None:
        """Also when it is not there."""

    async def recount(self, kind: TermKind, names: Sequence[str] | None = None) -> None:
        """Counts the uses of these terms (or of all) anew and drops those that nobody has and no admin made."""

    # jobs

    async def put_job(self, job: Job, events: Sequence[Envelope] = ()) -> bool:
        """Keeps a new job (version 1), or replaces one whose stored version is one below; False otherwise."""

    async def job(self, job_id: str) -> Job | None:
        """By id."""

    async def jobs(self, limit: int) -> list[Job]:
        """Newest first."""

    async def open_jobs(self) -> list[Job]:
        """Not finished, oldest first."""

    # pictures

    async def put_picture(self, name: str, content: bytes, content_type: str, at: datetime) -> None:
        """Keeps the bytes under their name; a repeat renews `at`."""

    async def picture(self, name: str) -> tuple[bytes, str] | None:
        """Bytes and content type."""

    async def drop_pictures(self, before: datetime, names: Sequence[str] | None = None) -> int:
        """Drops pictures that no entity shows and that were put before this moment; how many."""

    # activity log

    async def record(self, activity: Activity) -> bool:
        """Adds a line; False when it is there already. Nothing changes or removes one."""

    async def activities(self, wanted: ActivityFilter, part: Slice) -> tuple[list[Activity], int]:
        """Newest first, and how many there are in all."""
