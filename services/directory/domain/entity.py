"""An entity and what may happen to it: registration, changes, status with its consequences, tags with their dates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.directory.domain.profile import (
    APPLICATION_NEEDS,
    PERSON_NEEDS,
    SWITCHES,
    TEXT_LENGTH_MAX,
    Fault,
    Invalid,
    Place,
    read_text,
)

STATUSES = ("pending", "rejected", "accepted", "tradingPending", "tradingRejected", "tradingAccepted")
LISTED = frozenset({"accepted", "tradingPending", "tradingRejected", "tradingAccepted"})
MAY_TRADE = "tradingAccepted"
PICTURES_MAX = 5


class CannotApply(Exception):  # noqa: N818
    """Only an entity whose status is `accepted` can apply for trading."""

    code = "cannot_apply"
    message = "Only an accepted member that has not applied yet can apply for trading."


class TooManyPictures(Exception):  # noqa: N818
    """An entity has as many pictures as it may (EN-07)."""

    code = "too_many_pictures"
    message = f"There can be at most {PICTURES_MAX} pictures."


@dataclass(frozen=True, slots=True)
class DatedTag:
    """A tag in its normal form and since when it counts as added."""

    tag: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: the names of it and of its small form, and its size in pixels."""

    name: str
    thumbnail: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Application:
    """What the person who applied for trading said about themselves (EN-03)."""

    first_name: str
    last_name: str
    telephone: str
    applied_at: datetime
    applied_by: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A business, club or person that trades. Changes make a new one; `version` rises when it is kept."""

    id: str
    created_at: datetime
    status: str = "pending"
    texts: Mapping[str, str] = field(default_factory=dict)
    """The text fields of the profile that have a value."""
    declared_turnover: int | None = None
    place: Place | None = None
    show_matches_since_last_login: bool = True
    daily_matches: bool = False
    offers: tuple[DatedTag, ...] = ()
    wants: tuple[DatedTag, ...] = ()
    categories: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    application: Application | None = None
    owner_user_id: str | None = None
    """Who signed it up."""
    verified: bool = False
    """One of its users confirmed an e-mail address."""
    must_verify: bool = False
    """It is listed only when verified."""
    member_since: datetime | None = None
    listed_since: datetime | None = None
    deleted: bool = False
    version: int = 0
    sequences: Mapping[str, int] = field(default_factory=dict)
    """How often each kind of event was told about it."""

    @property
    def listed(self) -> bool:
        """Whether others can find and see it."""
        return not self.deleted and self.status in LISTED and (self.verified or not self.must_verify)

    @property
    def may_trade(self) -> bool:
        return not self.deleted and self.status == MAY_TRADE

    @property
    def name(self) -> str:
        return self.texts.get("name", "")

    @property
    def email(self) -> str:
        return self.texts.get("email", "")


def changed(entity: Entity, profile: Mapping[str, Any], now: datetime) -> Entity:
    """With these fields as `read_profile` gave them. A tag that stays keeps its date (EN-05)."""
    texts = {name: profile.get(name, entity.texts.get(name, "")) for name in TEXT_LENGTH_MAX}
    rest: dict[str, Any] = {
        name: profile[name] for name in ("declared_turnover", "place", *SWITCHES) if name in profile
    }
    for name in ("offers", "wants"):
        if name in profile:
            rest[name] = _dated(profile[name], getattr(entity, name), now)
    return replace(entity, texts={name: text for name, text in texts.items() if text}, **rest)


def _dated(tags: Iterable[str], before: Iterable[DatedTag], now: datetime) -> tuple[DatedTag, ...]:
    dates = {dated.tag: dated.added_at for dated in before}
    return tuple(DatedTag(tag, dates.get(tag, now)) for tag in tags)


def with_consequences(before: Entity, after: Entity, now: datetime) -> Entity:
    """What follows from a change of status or verification: the stamp of the first trading membership, and for an entity
    that becomes listed the dates of its tags."""
    if after.may_trade and after.member_since is None:
        after = replace(after, member_since=now)
    if after.listed and not before.listed:
        after = replace(after, listed_since=now, offers=_anew(after.offers, now), wants=_anew(after.wants, now))
    return after


def _anew(tags: Iterable[DatedTag], now: datetime) -> tuple[DatedTag, ...]:
    return tuple(DatedTag(dated.tag, now) for dated in tags)


def applied(entity: Entity, given: Mapping[str, Any], profile: Mapping[str, Any], by: str, now: datetime) -> Entity:
    """EN-03: the entity after a trading application. `given` holds what was said about the person and the agreement,
    `profile` the profile fields as read. Raises CannotApply, or Invalid with every fault."""
    if entity.status != "accepted":
        raise CannotApply
    faults: list[Fault] = []
    person: dict[str, str] = {}
    for name, length_max in PERSON_NEEDS.items():
        try:
            person[name] = read_text(name, given.get(name), length_max)
        except Invalid as invalid:
            faults.extend(invalid.faults)
            continue
        if not person[name]:
            faults.append(Fault(name, "required", "This is needed for the application."))
    after = changed(entity, profile, now)
    faults.extend(
        Fault(name, "required", "This is needed for the application.")
        for name in APPLICATION_NEEDS
        if not after.texts.get(name)
    )
    if given.get("agreement") is not True:
        faults.append(Fault("agreement", "required", "The agreement must be accepted."))
    if faults:
        raise Invalid(faults)
    return replace(after, status="tradingPending", application=Application(applied_at=now, applied_by=by, **person))


def without_person(entity: Entity) -> Entity:
    """The tombstone: nothing stays but the id, the name in the history of others, and the counters."""
    return Entity(
        id=entity.id,
        created_at=entity.created_at,
        status=entity.status,
        texts={"name": entity.name} if entity.name else {},
        deleted=True,
        version=entity.version,
        sequences=entity.sequences,
    )


def with_tag_renamed(entity: Entity, old: str, new: str | None) -> Entity:
    """A tag renamed or (new is None) removed in both lists; merged with the new one where it stands there already, then
    with the older date."""
    return replace(entity, offers=_renamed(entity.offers, old, new), wants=_renamed(entity.wants, old, new))


def _renamed(tags: tuple[DatedTag, ...], old: str, new: str | None) -> tuple[DatedTag, ...]:
    kept: dict[str, DatedTag] = {}
    for dated in tags:
        tag = new if dated.tag == old else dated.tag
        if tag is None:
            continue
        there = kept.get(tag)
        kept[tag] = DatedTag(tag, min(dated.added_at, there.added_at) if there else dated.added_at)
    return tuple(kept.values())


def with_category_renamed(entity: Entity, old: str, new: str | None) -> Entity:
    """A category renamed, merged or (new is None) removed."""
    names = (new if name == old else name for name in entity.categories)
    return replace(entity, categories=tuple(dict.fromkeys(name for name in names if name is not None)))


def with_picture(entity: Entity, picture: Picture) -> Entity:
    """With one more picture, unless it is there already; raises TooManyPictures."""
    if any(there.name == picture.name for there in entity.pictures):
        return entity
    if len(entity.pictures) >= PICTURES_MAX:
        raise TooManyPictures
    return replace(entity, pictures=(*entity.pictures, picture))


def without_picture(entity: Entity, name: str) -> Entity:
    """Without this picture."""
    return replace(entity, pictures=tuple(picture for picture in entity.pictures if picture.name != name))
