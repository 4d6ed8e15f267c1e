"""What requests and answers look like: ids, JSON with our times, lists, bodies."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from libs.common.errors import Refusal
from libs.common.ids import is_id
from services.directory.service.faces import as_json
from services.directory.service.reading import Looked, Shown
from services.directory.store.port import Activity, Job, Slice, Term

NO_ID = "00000000-0000-0000-0000-000000000000"
ITEMS_MAX = 20


def _known_form(value: Any) -> Any:
    return value if is_id(value) else NO_ID


Id = Annotated[str, BeforeValidator(_known_form)]
"""An id from outside; what is no id is nobody's id and so is treated like an unknown one."""
Text = Annotated[str | None, Query(max_length=200)]


def answer(value: Any, status: int = 200) -> Response:
    """JSON with times as everywhere."""
    return Response(as_json(value), status, media_type="application/json")


def shown_answer(shown: Shown) -> Response:
    """One entity, with its version where there is one."""
    headers = None if shown.version is None else {"ETag": f'"{shown.version}"'}
    return Response(shown.json, headers=headers, media_type="application/json")


def shown_list(shown: Sequence[Shown], total: int) -> Response:
    """A part of a numbered list of entities."""
    items = b",".join(each.json for each in shown)
    return Response(b'{"items":[%b],"total":%d}' % (items, total), media_type="application/json")


def looked_answer(looked: Looked) -> Response:
    """Entities with why they are seen so."""
    items = b",".join(each.json for each in looked.items)
    why = as_json({"sight": looked.sight.name.lower(), "own": looked.own})
    return Response(b'{"items":[%b],%b' % (items, why[1:]), media_type="application/json")


def in_utc(moment: datetime | None, field: str) -> datetime | None:
    """A time from outside; one without zone is UTC. Raises Refusal 400 for what no calendar has in UTC."""
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Refusal.of(400, "invalid", "This time is out of range.", field) from None


def nothing() -> Response:
    """Done, with nothing to say."""
    return Response(status_code=204)


def numbered(items: list[Any], total: int) -> Response:
    """A numbered list."""
    return answer({"items": items, "total": total})


def tag_shape(term: Term) -> dict[str, Any]:
    return {
        "id": term.id,
        "name": term.name,
        "offers": max(term.offers, 0),
        "wants": max(term.wants, 0),
        "made_by_admin": term.made_by_admin,
    }


def category_shape(term: Term) -> dict[str, Any]:
    return {"id": term.id, "name": term.name, "entities": max(term.entities, 0)}


def term_shape(term: Term) -> dict[str, Any]:
    """A tag or a category."""
    return tag_shape(term) if term.kind == "tag" else category_shape(term)


def job_shape(job: Job) -> dict[str, Any]:
    shape = {
        "id": job.id,
        "kind": job.kind,
        "old": job.old,
        "new": job.new,
        "status": "running" if job.status == "waiting" else job.status,
        "entities_done": job.entities_done,
        "entities_total": job.entities_total,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }
    return {name: value for name, value in shape.items() if value is not None or name == "new"}


def activity_shape(activity: Activity) -> dict[str, Any]:
    names = (
        "id",
        "at",
        "category",
        "action",
        "detail",
        "actor_id",
        "actor_email",
        "actor_role",
        "subject_kind",
        "subject_id",
        "entity_id",
        "before",
        "after",
    )
    return {name: getattr(activity, name) for name in names if getattr(activity, name) is not None}


class Body(BaseModel):
    """A body with these fields only."""

    model_config = ConfigDict(extra="forbid")


class NewEntity(Body):
    owner_user_id: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    owner_email: str | None = None
    profile: dict[str, Any]


class Find(Body):
    """AD-03."""

    ids: list[Id] | None = Field(None, max_length=200_000)
    name: str | None = Field(None, max_length=200)
    email: str | None = Field(None, max_length=200)
    status: list[str] = Field([], max_length=ITEMS_MAX)
    offers: list[str] = Field([], max_length=ITEMS_MAX)
    wants: list[str] = Field([], max_length=ITEMS_MAX)
    tagged_since: datetime | None = None
    category: str | None = Field(None, max_length=200)
    city: str | None = Field(None, max_length=200)
    region: str | None = Field(None, max_length=200)
    country: str | None = Field(None, max_length=200)
    order: Literal["name", "newest"] = "name"
    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(10, ge=1, le=100)

    @property
    def part(self) -> Slice:
        return Slice((self.page - 1) * self.page_size, self.page_size)


class Named(Body):
    name: str


class Contact(Body):
    from_entity_id: Id
    to_entity_id: Id
    body: str


class Dismissal(Body):
    other_entity_id: Id
    reason: str | None = None
