"""What the directory answers, by field."""

from typing import Any, Literal, NotRequired, TypedDict

TagKind = Literal["offers", "wants"]


class Changes(TypedDict):
    """Which entities changed since a mark and whose memberships did (None: anything may have), and the mark for the next
    time (None: the directory cannot tell)."""

    mark: str | None
    ids: list[str] | None
    users: NotRequired[list[str] | None]


class Place(TypedDict):
    """A position in degrees; for others than the entity's own users it is rounded to about 1 km."""

    latitude: float
    longitude: float


class Picture(TypedDict):
    """A picture of an entity; both names are served by `picture`."""

    name: str
    thumbnail: str
    width: int
    height: int


class EntityUser(TypedDict):
    """Who acts for an entity, as the directory heard it from identity."""

    user_id: str
    role: str


class Application(TypedDict):
    """What the person who applied for trading said about themselves (EN-03)."""

    first_name: str
    last_name: str
    telephone: str
    applied_at: str


class Entity(TypedDict):
    """An entity as this caller may see it (DI-08): a field that is empty or not for the caller's eyes is left out."""

    id: str
    name: str
    status: str
    """`pending`, `rejected`, `accepted`, `tradingPending`, `tradingRejected` or `tradingAccepted`."""
    listed: bool
    may_trade: bool
    own: bool
    """Whether the caller acts for it."""
    offers: list[str]
    wants: list[str]
    categories: list[str]
    pictures: list[Picture]
    inc_type: NotRequired[str]
    company_number: NotRequired[str]
    website: NotRequired[str]
    description: NotRequired[str]
    city: NotRequired[str]
    region: NotRequired[str]
    postal_code: NotRequired[str]
    country: NotRequired[str]
    place: NotRequired[Place]
    member_since: NotRequired[str]
    is_favorite: NotRequired[bool]
    """Only where a viewer entity was named."""
    telephone: NotRequired[str]
    """As `address` and `declared_turnover`: for logged-in members."""
    address: NotRequired[str]
    declared_turnover: NotRequired[int]
    email: NotRequired[str]
    """Own, for admins, or between two entities that may trade."""
    # the rest: for the entity's own users and for admins
    version: NotRequired[int]
    """For `if_version` of a change."""
    created_at: NotRequired[str]
    show_matches_since_last_login: NotRequired[bool]
    daily_matches: NotRequired[bool]
    users: NotRequired[list[EntityUser]]
    application: NotRequired[Application]


class Seen(TypedDict):
    """Entities as a caller sees them, and why so: what they see of others' listed entities, of those of them that may trade
    where that is more; and their own, of which they see the whole."""

    items: list[Entity]
    sight: NotRequired[Literal["public", "member", "trader", "whole"]]
    own: NotRequired[list[str]]


class EntityList(TypedDict):
    items: list[Entity]
    total: int


class Category(TypedDict):
    id: str
    name: str
    entities: int
    """How many listed entities have it."""


class CategoryList(TypedDict):
    items: list[Category]
    total: int


class Letter(TypedDict):
    """One heading of the A to Z list."""

    letter: str
    categories: int


class Tag(TypedDict):
    id: str
    name: str
    offers: int
    """How many listed entities offer it, and want it."""
    wants: int
    made_by_admin: bool


class TagList(TypedDict):
    items: list[Tag]
    total: int


class Job(TypedDict):
    """A rename or delete on its way through all entities. It is carried on by itself, also after a restart."""

    id: str
    kind: str
    """`tag` or `category`."""
    old: str
    new: str | None
    """None: deleted everywhere."""
    status: str
    """`running`, `done` or `failed`."""
    entities_done: int
    entities_total: int
    started_at: str
    finished_at: NotRequired[str]


class CategoryChanged(TypedDict):
    """The category after the change; with a merge it is the one that already stood there."""

    category: Category
    job: Job


class TagChanged(TypedDict):
    """The tag after the change; with a merge it is the one that already stood there."""

    tag: Tag
    job: Job


class Activity(TypedDict):
    """One line of the activity log (AD-07)."""

    id: str
    at: str
    category: str
    """`user`, `admin` or `system`."""
    action: str
    detail: str
    actor_id: NotRequired[str]
    actor_email: NotRequired[str]
    actor_role: NotRequired[str]
    subject_kind: NotRequired[str]
    subject_id: NotRequired[str]
    entity_id: NotRequired[str]
    before: NotRequired[dict[str, Any]]
    after: NotRequired[dict[str, Any]]


class ActivityList(TypedDict):
    items: list[Activity]
    total: int


class Favorites(TypedDict):
    items: list[Entity]
    total: int


class ContactMessage(TypedDict):
    message_id: str
