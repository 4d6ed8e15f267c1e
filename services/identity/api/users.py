"""Users: oneself, and an admin's work on all."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Response
from pydantic import Field, model_validator

from libs.common.errors import Refusal
from libs.common.web import Page, json_response, page, router
from services.identity.api import shapes
from services.identity.api.common import (
    Admin,
    AdminOrOperator,
    AdminOrService,
    Body,
    Id,
    Service,
    Text,
    TheClient,
    TheDeps,
    User,
)
from services.identity.domain.access import ApiKey
from services.identity.domain.people import User as UserRecord
from services.identity.domain.sessions import Session
from services.identity.service import keys, login, users, views

routes = router()
_DETAILS = ("first_name", "last_name", "telephone", "language")
_IDS_MAX = 1000
Ids = Annotated[list[Id], Field(max_length=_IDS_MAX)]


class DetailsBody(Body):
    """`PATCH /users/me`: absent stays, null or an empty text clears."""

    first_name: Text | None = None
    last_name: Text | None = None
    telephone: Text | None = None
    language: Text | None = None

    def details(self) -> dict[str, Any]:
        """The fields that were given."""
        return {name: getattr(self, name) for name in _DETAILS if name in self.model_fields_set}


class EditBody(DetailsBody):
    """`PATCH /users/{id}`"""

    email: Text | None = None
    password: Text | None = None
    role: Literal["member", "admin", "operator"] | None = None
    email_verified: bool | None = None
    entity_ids: Ids | None = None


class FetchBody(Body):
    """`POST /users/fetch`"""

    ids: Ids = Field(default_factory=list)
    entity_ids: Ids = Field(default_factory=list)


class DepartureBody(Body):
    """`POST /users/{id}/departure`"""

    password: Text
    closed_entity_ids: Ids = Field(default_factory=list)


class AdminBody(Body):
    """`POST /admins`"""

    email: Text
    password: Text
    role: Literal["admin", "operator"] = "admin"

    @model_validator(mode="after")
    def _given(self) -> "AdminBody":
        if not self.email or not self.password:
            raise ValueError("e-mail address and password are needed")
        return self


@routes.get("/users/me")
async def me(deps: TheDeps, caller: User) -> Response:
    return json_response(shapes.user(await views.one(deps, caller.id)))


@routes.patch("/users/me")
async def change_me(body: DetailsBody, deps: TheDeps, caller: User) -> Response:
    return json_response(shapes.user(await users.change_own(deps, caller, body.details())))


@routes.get("/users/me/export")
async def export_me(deps: TheDeps, caller: User) -> Response:
    return json_response(_export(await users.own_data(deps, caller), caller.session_id))


def _export(found: dict[str, Any], session_id: str) -> dict[str, Any]:
    user: UserRecord = found["user"]
    sessions: list[Session] = found["sessions"]
    api_keys: list[ApiKey] = found["api_keys"]
    return {
        "user": shapes.user(user),
        "sessions": [shapes.session(one, session_id) for one in sessions],
        "api_keys": [shapes.api_key(one) for one in api_keys],
    }


@routes.get("/users")
async def search(
    deps: TheDeps,
    caller: Admin,
    part: Annotated[Page, Depends(page)],
    last_name: Annotated[str, Query(max_length=100)] = "",
    email: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    _refuse_nul(last_name=last_name, email=email)
    found, total = await views.search(deps, last_name=last_name, email=email, limit=part.page_size, offset=part.offset)
    return json_response({"items": [shapes.user(one) for one in found], "total": total})


def _refuse_nul(**texts: str) -> None:
    for field, text in texts.items():
        if "\x00" in text:
            raise Refusal.of(400, "control_character", "The text must not hold control characters.", field)


@routes.post("/users/fetch")
async def fetch(body: FetchBody, deps: TheDeps, caller: AdminOrService) -> Response:
    found = await views.fetch(deps, ids=body.ids, entity_ids=body.entity_ids)
    return json_response({"items": [shapes.user(one) for one in found]})


@routes.get("/users/{user_id}")
async def user(user_id: str, deps: TheDeps, caller: AdminOrService) -> Response:
    return json_response(shapes.user(await views.one(deps, user_id[:36].replace("\x00", ""))))


@routes.patch("/users/{user_id}")
async def edit(user_id: Id, body: EditBody, deps: TheDeps, caller: Admin, dry_run: bool = False) -> Response:
    command = users.Edit(body.details(), body.email, body.password, body.role, body.email_verified, body.entity_ids)
    return json_response(shapes.user(await users.edit(deps, caller, user_id, command, dry_run=dry_run)))


@routes.delete("/users/{user_id}")
async def delete(user_id: Id, deps: TheDeps, caller: Admin) -> Response:
    return json_response(shapes.user(await users.delete(deps, caller, user_id)))


@routes.delete("/users/{user_id}/sessions")
async def end_sessions(user_id: Id, deps: TheDeps, caller: Admin) -> Response:
    return json_response({"ended": await login.end_sessions_of(deps, caller, user_id)})


@routes.post("/users/{user_id}/departure", status_code=204)
async def depart(user_id: Id, body: DepartureBody, deps: TheDeps, caller: Service, client: TheClient) -> None:
    await users.depart(deps, user_id, body.password, body.closed_entity_ids, client)


@routes.post("/admins")
async def create_admin(body: AdminBody, deps: TheDeps, caller: AdminOrOperator) -> Response:
    made = await users.create_admin(deps, body.email, body.password, role=body.role, actor=caller)
    return json_response(shapes.user(made), 201)


@routes.post("/keys/rotate")
async def rotate(deps: TheDeps, caller: AdminOrOperator) -> Response:
    return json_response({"kids": await keys.rotate(deps, caller)})
