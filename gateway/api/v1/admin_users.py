"""Users as administrators see and change them."""

from collections.abc import Sequence
from typing import Any, cast

from gateway.api import answers
from gateway.api import answers_more as more
from gateway.api.bodies import AdminUserPatch, UsersQuery
from gateway.api.operation import Call, Meta, Registry, Reply
from gateway.api.v1.admin_entities import admin_views
from gateway.api.v1.session import renamed
from gateway.api.views import user_view
from gateway.clients.identity import UserEdit, UserShape
from libs.common.errors import Refusal

operations = Registry()
_TAG = "Administration: users"
_FIELDS = {"first_name": "firstName", "last_name": "lastName", "entity_ids": "entities"}
_FETCH_MAX = 100


async def _with_entities(call: Call, users: Sequence[UserShape]) -> list[dict[str, Any]]:
    """Users with the entities they act for, asked once for all."""
    ids = list(dict.fromkeys(each["entity_id"] for user in users for each in user["memberships"]))
    entities = []
    for start in range(0, len(ids), _FETCH_MAX):
        entities += await call.context.clients.directory.fetch(call.caller, ids[start : start + _FETCH_MAX])
    views = {view["id"]: view for view in await admin_views(call, entities)}
    for view in views.values():
        view.pop("users", None)
    return [
        user_view(user)
        | {"entities": [views[each["entity_id"]] for each in user["memberships"] if each["entity_id"] in views]}
        for user in users
    ]


@operations.operation(
    "GET",
    "/api/v1/admin/users",
    summary="Searches users",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[answers.UserWithEntity],
    numbered=True,
    published=True,
)
async def list_users(call: Call, *, query: UsersQuery) -> Reply:
    """By parts of last name and e-mail address, ignoring case."""
    found = await call.context.clients.identity.users(
        call.caller,
        last_name=query.last_name or None,
        email=query.email or None,
        page=query.page,
        page_size=query.page_size,
    )
    return Reply(await _with_entities(call, found["items"]), Meta(found["total"], query.page_size))


@operations.operation(
    "GET",
    "/api/v1/admin/users/{userID}",
    summary="One user",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.UserWithEntity,
    published=True,
)
async def show_any_user(call: Call, user_id: str) -> Reply:
    """With the entities the user acts for."""
    user = await call.context.clients.identity.user(call.caller, user_id)
    return Reply((await _with_entities(call, [user]))[0])


@operations.operation(
    "PATCH",
    "/api/v1/admin/users/{userID}",
    summary="Changes a user: details, e-mail address, password, entities",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.UserWithEntity,
    published=True,
    example={"lastName": "Example", "email": "ana@example.org"},
)
async def change_any_user(call: Call, user_id: str, *, body: AdminUserPatch) -> Reply:
    """`entities` replaces the entities the user acts for; a new password ends the user's sessions."""
    changes = body.changes()
    if "entities" in changes:
        changes["entity_ids"] = changes.pop("entities")
        await _all_known(call, changes["entity_ids"])
    try:
        user = await call.context.clients.identity.update_user(call.caller, user_id, cast("UserEdit", changes))
    except Refusal as refusal:
        raise renamed(refusal, _FIELDS) from None
    return Reply((await _with_entities(call, [user]))[0])


async def _all_known(call: Call, entity_ids: Sequence[str]) -> None:
    """Identity does not know which entities there are; the directory does."""
    if not entity_ids:
        return
    found = {entity["id"] for entity in await call.context.clients.directory.fetch(call.caller, entity_ids)}
    if not found.issuperset(entity_ids):
        raise Refusal.of(400, "entity_unknown", "entities: One of these entities does not exist.", "entities")


@operations.operation(
    "DELETE",
    "/api/v1/admin/users/{userID}",
    summary="Deletes a user",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.User,
    published=True,
)
async def delete_any_user(call: Call, user_id: str) -> Reply:
    """The personal data goes; the ledger stays. An entity that nobody else acts for waits until an administrator names
    somebody."""
    return Reply(user_view(await call.context.clients.identity.delete_user(call.caller, user_id)))


@operations.operation(
    "DELETE",
    "/api/v1/admin/users/{userID}/sessions",
    summary="Logs a user out everywhere",
    who="admin",
    tag=_TAG,
    statuses=(401, 403, 404),
    answers=more.Ended,
)
async def end_sessions_of_user(call: Call, user_id: str) -> Reply:
    """Every token of the user is refused by every service within a second. Keys of partner programs stay."""
    return Reply({"ended": await call.context.clients.identity.end_sessions_of(call.caller, user_id)})
