"""What all routes share: the parts, who asks, and the base of bodies."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from libs.common import web
from libs.common.auth import Principal
from libs.common.errors import Refusal
from services.identity.service.deps import Actor, Client, Deps

Text = Annotated[str, StringConstraints(max_length=1000)]
"""Longer than anything that is accepted; the exact limit is the domain's."""
Id = Annotated[str, StringConstraints(min_length=36, max_length=36)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Body(BaseModel):
    """Base of request bodies: what is unknown is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def _deps(request: Request) -> Deps:
    deps: Deps | None = getattr(request.app.state, "deps", None)
    if deps is None:
        raise Refusal.of(503, "starting", "Identity is starting; try again in a moment.", retry_after_s=1)
    return deps


async def _client(request: Request) -> Client:
    found = web.client(request)
    return Client(found.address[:64], found.agent[:400])


def actor_of(principal: Principal) -> Actor:
    """Who asks, as the use cases see it."""
    return Actor(principal.id, principal.role, principal.session_id)


async def _user(principal: Annotated[Principal, Depends(web.require_user)]) -> Actor:
    return actor_of(principal)


async def _admin(principal: Annotated[Principal, Depends(web.require_admin)]) -> Actor:
    return actor_of(principal)


async def _service(principal: Annotated[Principal, Depends(web.require_service)]) -> Actor:
    return actor_of(principal)


async def _person_or_service(principal: Annotated[Principal, Depends(web.principal)]) -> Actor:
    if principal.kind == "api_key":
        raise _forbidden()
    return actor_of(principal)


async def _admin_or_service(principal: Annotated[Principal, Depends(web.principal)]) -> Actor:
    if not (principal.is_admin or principal.is_service):
        raise _forbidden()
    return actor_of(principal)


async def _admin_or_operator(principal: Annotated[Principal, Depends(web.principal)]) -> Actor:
    if not (principal.is_admin or (principal.is_service and principal.id == "operator")):
        raise _forbidden()
    return actor_of(principal)


def _forbidden() -> Refusal:
    return Refusal.of(403, "forbidden", "This is not allowed with this token.")


TheDeps = Annotated[Deps, Depends(_deps)]
TheClient = Annotated[Client, Depends(_client)]
User = Annotated[Actor, Depends(_user)]
Admin = Annotated[Actor, Depends(_admin)]
Service = Annotated[Actor, Depends(_service)]
PersonOrService = Annotated[Actor, Depends(_person_or_service)]
AdminOrService = Annotated[Actor, Depends(_admin_or_service)]
AdminOrOperator = Annotated[Actor, Depends(_admin_or_operator)]
"""An admin, or the operator's interface of the node (`mccs admin create`)."""
