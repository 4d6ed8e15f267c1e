"""Who acts for which entity, invitations, API keys of partner programs."""

from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field, StringConstraints

from libs.common.errors import Refusal
from libs.common.texts import TextError, clean
from libs.common.web import json_response, router
from services.identity.api import shapes
from services.identity.api.common import (
    AdminOrService,
    Body,
    Id,
    PersonOrService,
    Secret,
    Service,
    Text,
    TheClient,
    TheDeps,
    User,
)
from services.identity.domain.access import KEY_NAME_LENGTH_MAX, RATE_PER_MINUTE_MAX
from services.identity.service import api_keys, invitations, people, views

routes = router()
MemberRole = Literal["owner", "member"]
QueryId = Annotated[str, Query(min_length=36, max_length=36)]


class RoleBody(Body):
    """`PUT /memberships/{entity_id}/{user_id}`"""

    role: MemberRole = "member"


class PeopleBody(Body):
    """`PUT /memberships/{entity_id}`"""

    user_ids: Annotated[list[Id], Field(max_length=100)]


class InvitationBody(Body):
    """`POST /invitations`"""

    entity_id: Id
    email: Text
    role: MemberRole = "member"


class TokenBody(Body):
    """The secret of an invitation's link."""

    token: Secret


class ApiKeyBody(Body):
    """`POST /api-keys`"""

    entity_id: Id
    name: Annotated[str, StringConstraints(min_length=1, max_length=KEY_NAME_LENGTH_MAX)]
    scopes: Annotated[list[Literal["read", "propose", "accept"]], Field(min_length=1, max_length=3)]
    rate_per_minute: Annotated[int, Field(ge=1, le=RATE_PER_MINUTE_MAX)] | None = None


class CredentialsBody(Body):
    """`POST /oauth/token`"""

    grant_type: Literal["client_credentials"]
    client_id: Secret
    client_secret: Secret
    scope: Text | None = None


@routes.get("/memberships")
async def memberships(
    deps: TheDeps, caller: PersonOrService, user_id: QueryId | None = None, entity_id: QueryId | None = None
) -> Response:
    if entity_id is not None:
        found = await views.people_of(deps, caller, entity_id)
        items = [shapes.membership(one, user) for one, user in found if user_id in (None, one.user_id)]
    else:
        items = [shapes.membership(one) for one in await views.memberships_of(deps, caller, user_id or caller.id)]
    return json_response({"items": items})


@routes.put("/memberships/{entity_id}/{user_id}")
async def set_membership(
    entity_id: Id, user_id: Id, body: RoleBody, deps: TheDeps, caller: PersonOrService
) -> Response:
    return json_response(shapes.membership(await people.set_membership(deps, caller, entity_id, user_id, body.role)))


@routes.delete("/memberships/{entity_id}/{user_id}", status_code=204)
async def end_membership(entity_id: Id, user_id: Id, deps: TheDeps, caller: PersonOrService) -> None:
    await people.end_membership(deps, caller, entity_id, user_id)


@routes.put("/memberships/{entity_id}")
async def set_people(
    entity_id: Id, body: PeopleBody, deps: TheDeps, caller: AdminOrService, dry_run: bool = False
) -> Response:
    found = await people.set_people(deps, caller, entity_id, body.user_ids, dry_run=dry_run)
    return json_response({"items": [shapes.membership(one) for one in found]})


@routes.post("/invitations")
async def invite(body: InvitationBody, deps: TheDeps, caller: User) -> Response:
    made = await invitations.invite(deps, caller, body.entity_id, body.email, body.role)
    return json_response(shapes.invitation(made), 201)


@routes.get("/invitations")
async def waiting(deps: TheDeps, caller: PersonOrService, entity_id: QueryId) -> Response:
    found = await invitations.waiting(deps, caller, entity_id)
    return json_response({"items": [shapes.invitation(one) for one in found]})


@routes.delete("/invitations/{invitation_id}", status_code=204)
async def withdraw(invitation_id: Id, deps: TheDeps, caller: User) -> None:
    await invitations.withdraw(deps, caller, invitation_id)


@routes.post("/invitations/look")
async def look(body: TokenBody, deps: TheDeps, caller: Service) -> Response:
    return json_response(shapes.invitation(await invitations.look(deps, body.token)))


@routes.post("/invitations/accept")
async def accept(body: TokenBody, deps: TheDeps, caller: User) -> Response:
    return json_response(shapes.membership(await invitations.accept(deps, caller, body.token)))


@routes.post("/api-keys")
async def create_key(body: ApiKeyBody, deps: TheDeps, caller: User) -> Response:
    try:
        name = clean(body.name, KEY_NAME_LENGTH_MAX)
    except TextError as fault:
        raise Refusal.of(400, fault.code, fault.message, "name") from None
    key, secret = await api_keys.create(deps, caller, body.entity_id, name, body.scopes, body.rate_per_minute)
    return json_response({**shapes.api_key(key), "secret": secret}, 201, {"Cache-Control": "no-store"})


@routes.get("/api-keys")
async def keys(deps: TheDeps, caller: User, entity_id: QueryId) -> Response:
    found = await api_keys.of_entity(deps, caller, entity_id)
    return json_response({"items": [shapes.api_key(one) for one in found]})


@routes.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(key_id: Id, deps: TheDeps, caller: User) -> None:
    await api_keys.revoke(deps, caller, key_id)


@routes.post("/oauth/token")
async def token(body: CredentialsBody, deps: TheDeps, caller: Service, client: TheClient) -> Response:
    ticket = await api_keys.token_of(deps, body.client_id, body.client_secret, body.scope, client)
    shape = {
        "access_token": ticket.token,
        "token_type": "Bearer",
        "expires_in": ticket.lifetime_s,
        "scope": " ".join(ticket.scopes),
        "rate_per_minute": ticket.rate_per_minute,
    }
    return json_response(shape, headers={"Cache-Control": "no-store"})
