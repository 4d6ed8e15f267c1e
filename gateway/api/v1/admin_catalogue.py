"""Categories and tags as administrators keep them."""

from typing import cast

from gateway.api import answers
from gateway.api.bodies import NameBody
from gateway.api.operation import Call, Registry, Reply

operations = Registry()
_TAG = "Administration: categories and tags"
_STATUSES = (400, 401, 403)
_EXAMPLE = {"name": "food-and-drink"}


def _named(each: answers.Named | object) -> dict[str, str]:
    shape = cast("dict[str, str]", each)  # a category or a tag
    return {"id": shape["id"], "name": shape["name"]}


@operations.operation(
    "POST",
    "/api/v1/admin/categories",
    summary="Creates a category",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
    example=_EXAMPLE,
)
async def create_category(call: Call, *, body: NameBody) -> Reply:
    """The name is brought into the form of tags."""
    return Reply(_named(await call.context.clients.directory.create_category(call.caller, body.name)))


@operations.operation(
    "PATCH",
    "/api/v1/admin/categories/{categoryID}",
    summary="Renames a category everywhere",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
    example=_EXAMPLE,
)
async def rename_category(call: Call, category_id: str, *, body: NameBody) -> Reply:
    """Where the name exists, both become one."""
    changed = await call.context.clients.directory.rename_category(call.caller, category_id, body.name)
    return Reply(_named(changed["category"]))


@operations.operation(
    "DELETE",
    "/api/v1/admin/categories/{categoryID}",
    summary="Removes a category everywhere",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
)
async def delete_category(call: Call, category_id: str) -> Reply:
    """Answers what was there."""
    changed = await call.context.clients.directory.delete_category(call.caller, category_id)
    return Reply(_named(changed["category"]))


@operations.operation(
    "POST",
    "/api/v1/admin/tags",
    summary="Creates a tag",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
    example=_EXAMPLE,
)
async def create_tag(call: Call, *, body: NameBody) -> Reply:
    """It is offered to members who type."""
    return Reply(_named(await call.context.clients.directory.create_tag(call.caller, body.name)))


@operations.operation(
    "PATCH",
    "/api/v1/admin/tags/{tagID}",
    summary="Renames a tag everywhere",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
    example=_EXAMPLE,
)
async def rename_tag(call: Call, tag_id: str, *, body: NameBody) -> Reply:
    """Where the name exists, both become one."""
    changed = await call.context.clients.directory.rename_tag(call.caller, tag_id, body.name)
    return Reply(_named(changed["tag"]))


@operations.operation(
    "DELETE",
    "/api/v1/admin/tags/{tagID}",
    summary="Removes a tag everywhere",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.Named,
    published=True,
)
async def delete_tag(call: Call, tag_id: str) -> Reply:
    """Answers what was there."""
    return Reply(_named((await call.context.clients.directory.delete_tag(call.caller, tag_id))["tag"]))
