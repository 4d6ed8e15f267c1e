"""How things look as documents, the same in both doors: times as RFC 3339 text in UTC, which sorts as it reads."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from libs.common.clock import rfc3339
from services.directory.domain.entity import Application, DatedTag, Entity, Picture
from services.directory.domain.profile import Place
from services.directory.domain.tags import folded, heading
from services.directory.store.port import Activity, Job, Membership, Person, Term

Document = dict[str, Any]
KEYS = ("name", "email", "city", "region", "country")
"""Profile fields that are found by part, ignoring case and accents, and so are kept folded too."""


def moment(text: str) -> datetime:
    """A time as kept in a document."""
    return datetime.fromisoformat(text)


def _moment_or_none(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def _text_or_none(time: datetime | None) -> str | None:
    return None if time is None else rfc3339(time)


def to_the_millisecond(time: datetime) -> datetime:
    """A time as precise as documents keep it."""
    return time.astimezone(UTC).replace(microsecond=time.microsecond // 1000 * 1000)


def entity_document(entity: Entity) -> Document:
    """An entity with its id as `_id`, and beside it what it is found by."""
    return {
        "_id": entity.id,
        "version": entity.version,
        "status": entity.status,
        "listed": entity.listed,
        "deleted": entity.deleted,
        "verified": entity.verified,
        "must_verify": entity.must_verify,
        "owner_user_id": entity.owner_user_id,
        "texts": dict(entity.texts),
        "declared_turnover": entity.declared_turnover,
        "place": entity.place and {"latitude": entity.place.latitude, "longitude": entity.place.longitude},
        "show_matches_since_last_login": entity.show_matches_since_last_login,
        "daily_matches": entity.daily_matches,
        "offers": [{"tag": dated.tag, "added_at": rfc3339(dated.added_at)} for dated in entity.offers],
        "wants": [{"tag": dated.tag, "added_at": rfc3339(dated.added_at)} for dated in entity.wants],
        "categories": list(entity.categories),
        "pictures": [
            {"name": shown.name, "thumbnail": shown.thumbnail, "width": shown.width, "height": shown.height}
            for shown in entity.pictures
        ],
        "application": entity.application and _application_document(entity.application),
        "created_at": rfc3339(entity.created_at),
        "member_since": _text_or_none(entity.member_since),
        "listed_since": _text_or_none(entity.listed_since),
        "sequences": dict(entity.sequences),
        "keys": {name: folded(entity.texts.get(name, "")) for name in KEYS},
        "tags": sorted({dated.tag for dated in (*entity.offers, *entity.wants)}),
        "picture_names": [name for shown in entity.pictures for name in (shown.name, shown.thumbnail)],
    }


def _application_document(application: Application) -> Document:
    return {
        "first_name": application.first_name,
        "last_name": application.last_name,
        "telephone": application.telephone,
        "applied_at": rfc3339(application.applied_at),
        "applied_by": application.applied_by,
    }


def entity_of(document: Mapping[str, Any]) -> Entity:
    """What entity_document wrote."""
    place, application = document["place"], document["application"]
    return Entity(
        id=document["_id"],
        version=document["version"],
        status=document["status"],
        deleted=document["deleted"],
        verified=document["verified"],
        must_verify=document["must_verify"],
        owner_user_id=document["owner_user_id"],
        texts=document["texts"],
        declared_turnover=document["declared_turnover"],
        place=place and Place(place["latitude"], place["longitude"]),
        show_matches_since_last_login=document["show_matches_since_last_login"],
        daily_matches=document["daily_matches"],
        offers=tuple(DatedTag(dated["tag"], moment(dated["added_at"])) for dated in document["offers"]),
        wants=tuple(DatedTag(dated["tag"], moment(dated["added_at"])) for dated in document["wants"]),
        categories=tuple(document["categories"]),
        pictures=tuple(
            Picture(shown["name"], shown["thumbnail"], shown["width"], shown["height"])
            for shown in document["pictures"]
        ),
        application=application and Application(**{**application, "applied_at": moment(application["applied_at"])}),
        created_at=moment(document["created_at"]),
        member_since=_moment_or_none(document["member_since"]),
        listed_since=_moment_or_none(document["listed_since"]),
        sequences=document["sequences"],
    )


def term_document(term: Term) -> Document:
    """A tag or category with what it is found by."""
    return {
        "_id": term.id,
        "kind": term.kind,
        "name": term.name,
        "key": folded(term.name),
        "letter": heading(term.name),
        "made_by_admin": term.made_by_admin,
        "offers": term.offers,
        "wants": term.wants,
        "entities": term.entities,
        "sequence": term.sequence,
    }


def term_of(document: Any) -> Term:
    """What term_document wrote, as a document or a row."""
    names = ("kind", "name", "made_by_admin", "offers", "wants", "entities", "sequence")
    return Term(id=str(document["_id"]), **{name: document[name] for name in names})


def job_document(job: Job) -> Document:
    """A job with its id as `_id`."""
    return {
        "_id": job.id,
        "kind": job.kind,
        "term_id": job.term_id,
        "old": job.old,
        "new": job.new,
        "by": job.by,
        "merged_into": job.merged_into,
        "status": job.status,
        "cursor": job.cursor,
        "entities_done": job.entities_done,
        "entities_total": job.entities_total,
        "faults": job.faults,
        "started_at": rfc3339(job.started_at),
        "finished_at": _text_or_none(job.finished_at),
        "version": job.version,
    }


def job_of(document: Mapping[str, Any]) -> Job:
    """What job_document wrote; what a relay marks a document with is none of a job's."""
    known = {field.name for field in dataclasses.fields(Job)} - {"id"}
    fields = {name: value for name, value in document.items() if name in known}
    fields["started_at"] = moment(document["started_at"])
    fields["finished_at"] = _moment_or_none(document["finished_at"])
    return Job(id=document["_id"], **fields)


def activity_document(activity: Activity) -> Document:
    """A line of the activity log with what it is found by."""
    return {
        "_id": activity.id,
        "at": rfc3339(activity.at),
        "category": activity.category,
        "action": activity.action,
        "detail": activity.detail,
        "actor_id": activity.actor_id,
        "actor_email": activity.actor_email,
        "actor_role": activity.actor_role,
        "subject_kind": activity.subject_kind,
        "subject_id": activity.subject_id,
        "entity_id": activity.entity_id,
        "before": None if activity.before is None else dict(activity.before),
        "after": None if activity.after is None else dict(activity.after),
        "keys": {
            "email": folded(activity.actor_email or ""),
            "action": folded(activity.action),
            "detail": folded(activity.detail),
        },
    }


def activity_of(document: Mapping[str, Any]) -> Activity:
    """What activity_document wrote."""
    fields = {name: value for name, value in document.items() if name not in ("_id", "keys")}
    return Activity(id=document["_id"], **{**fields, "at": moment(document["at"])})


def membership_of(document: Any) -> Membership:
    """From a row or document with the fields of a membership."""
    return Membership(
        str(document["entity_id"]), str(document["user_id"]), document["role"], cast("int", document["sequence"])
    )


def person_of(document: Any) -> Person:
    """From a row or document with the fields of a person."""
    return Person(
        user_id=str(document["user_id"]),
        email=document["email"],
        email_verified=document["email_verified"],
        sequence=document["sequence"],
        deleted=document["deleted"],
    )
