"""From what an entity was to what it is: the events that tell it, the line for the activity log, the counts it moves."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.common.auth import Principal
from libs.common.clock import rfc3339
from libs.common.contracts import Event, category_of
from libs.common.contracts import directory as told
from services.directory.domain.entity import DatedTag, Entity
from services.directory.domain.viewing import Sight, seen
from services.directory.store.port import Count, Write


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what, for the activity log: `action` is a stable word, `detail` a sentence."""

    action: str
    detail: str
    actor_id: str | None = None
    actor_role: str | None = None
    category: str = "system"

    @classmethod
    def by(cls, caller: Principal, action: str, detail: str) -> "Act":
        """An act of whoever calls."""
        if caller.is_service:
            return cls(action, detail, actor_role=caller.id)
        return cls(action, detail, caller.id, caller.role, category_of(caller.role))

    def line(
        self,
        subject_kind: str,
        subject_id: str,
        entity_id: str,
        at: datetime,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> told.AuditRecordedV1:
        """The line for the activity log: of what it is about, what was before and what is after."""
        return told.AuditRecordedV1(
            actor_id=self.actor_id,
            actor_role=self.actor_role,
            category=self.category,
            action=self.action,
            detail=self.detail,
            subject_kind=subject_kind,
            subject_id=subject_id,
            entity_id=entity_id,
            before=before,
            after=after,
            at=at,
        )


def entity_changed(entity: Entity) -> told.EntityChangedV1:
    """The whole state of an entity as others need it."""
    place = entity.place.coarse() if entity.place else None
    return told.EntityChangedV1(
        entity_id=entity.id,
        name=entity.name,
        email=entity.email,
        status=entity.status,
        listed=entity.listed,
        may_trade=entity.may_trade,
        city=entity.texts.get("city", ""),
        region=entity.texts.get("region", ""),
        country=entity.texts.get("country", ""),
        categories=list(entity.categories),
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        member_since=entity.member_since,
        listed_since=entity.listed_since,
        daily_matches=entity.daily_matches,
    )


def tags_changed(entity: Entity) -> told.TagsChangedV1:
    """The whole lists of offers and wants."""
    return told.TagsChangedV1(
        entity_id=entity.id, listed=entity.listed, offers=_dated(entity.offers), wants=_dated(entity.wants)
    )


def _dated(tags: tuple[DatedTag, ...]) -> list[told.DatedTag]:
    return [told.DatedTag(tag=dated.tag, added_at=dated.added_at) for dated in tags]


def write(before: Entity | None, after: Entity, act: Act, now: datetime, *, audited: bool = True) -> Write:
    """What the store is to keep in place of `before`: the next version with everything it tells. Not `audited`: the
    activity log has one line for the whole already."""
    events: list[Event] = []
    if before is None:
        events.append(
            told.EntityRegisteredV1(
                entity_id=after.id,
                name=after.name,
                email=after.email,
                status=after.status,
                owner_user_id=after.owner_user_id,
            )
        )
    if after.deleted:
        events.append(told.EntityDeletedV1(entity_id=after.id, name=after.name))
    else:
        events.append(entity_changed(after))
    if before is None or _tags(before) != _tags(after):
        events.append(tags_changed(after))
    if before is not None and before.application != after.application and after.application is not None:
        events.append(told.ApplicationReceivedV1(entity_id=after.id, name=after.name, email=after.email))
    if before is not None and before.status != after.status:
        events.append(_status_changed(before, after, act))
    if audited:
        events.append(_audited(before, after, act, now))
    sequences = dict(after.sequences)
    envelopes = []
    for event in events:
        kind = _counter(event)
        sequences[kind] = sequences.get(kind, 0) + 1
        envelopes.append(event.envelope(subject=after.id, sequence=sequences[kind], time=now))
    version = 1 if before is None else before.version + 1
    return Write(replace(after, version=version, sequences=sequences), tuple(envelopes), counts(before, after), before)


def _tags(entity: Entity) -> tuple[object, ...]:
    return entity.listed, entity.offers, entity.wants


def _counter(event: Event) -> str:
    """The name of an event's counter in the document: `entity_changed` of `directory.entity.changed.v1`."""
    return "_".join(event.TYPE.split(".")[1:3])


def sequence_of(entity: Entity, kind: type[Event]) -> int:
    """How often this kind of event was told about the entity."""
    return entity.sequences.get("_".join(kind.TYPE.split(".")[1:3]), 0)


def _status_changed(before: Entity, after: Entity, act: Act) -> told.EntityStatusChangedV1:
    return told.EntityStatusChangedV1(
        entity_id=after.id,
        name=after.name,
        email=after.email,
        old=before.status,
        new=after.status,
        listed=after.listed,
        may_trade=after.may_trade,
        by=act.actor_id,
    )


def _audited(before: Entity | None, after: Entity, act: Act, now: datetime) -> told.AuditRecordedV1:
    old = _plain(before) if before else {}
    new = _plain(after) if not after.deleted else {}
    names = [name for name in (*old, *(name for name in new if name not in old)) if old.get(name) != new.get(name)]
    return act.line(
        "entity",
        after.id,
        after.id,
        now,
        before={name: old[name] for name in names if name in old} if before else None,
        after={name: new[name] for name in names if name in new} or None,
    )


def _plain(entity: Entity) -> dict[str, Any]:
    fields = seen(entity, Sight.WHOLE)
    for name in ("id", "version", "listed", "may_trade"):
        fields.pop(name, None)
    return {name: _json(value) for name, value in fields.items() if value not in ("", [])}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    return value


def counts(before: Entity | None, after: Entity) -> tuple[Count, ...]:
    """By how much the counters of tags and categories move: only listed entities count."""
    moves = Counter(_held(after))
    moves.subtract(Counter(_held(before) if before else ()))
    return tuple(sorted(replace(held, by=by) for held, by in moves.items() if by))


def _held(entity: Entity) -> list[Count]:
    if not entity.listed:
        return []
    return [
        *(Count("tag", dated.tag, "offers", 0) for dated in entity.offers),
        *(Count("tag", dated.tag, "wants", 0) for dated in entity.wants),
        *(Count("category", name, "entities", 0) for name in entity.categories),
    ]
