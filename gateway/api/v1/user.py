"""The logged-in person and the own entities."""

from typing import cast

from gateway.api import answers
from gateway.api.bodies import BalanceQuery, EntityPatch, UserPatch
from gateway.api.operation import Call, Registry, Reply
from gateway.api.seen import own
from gateway.api.v1.session import renamed
from gateway.api.views import PROFILE, Json, balances_view, by_entity, entity_view, user_view, with_account
from gateway.clients.directory import Entity
from gateway.clients.identity import OwnDetails
from libs.common.errors import Refusal

operations = Registry()
_TAG = "Me and my entities"
USER_FIELDS = {"first_name": "firstName", "last_name": "lastName"}
ENTITY_FIELDS = {ours: theirs for theirs, ours in PROFILE.items()}


@operations.operation(
    "GET",
    "/api/v1/user",
    summary="Own details",
    who="member",
    tag=_TAG,
    statuses=(401,),
    answers=answers.User,
    published=True,
)
async def show_user(call: Call) -> Reply:
    """With time and address of the previous login."""
    return Reply(user_view(await call.context.clients.identity.me(call.caller)))


@operations.operation(
    "PATCH",
    "/api/v1/user",
    summary="Changes own details",
    who="member",
    tag=_TAG,
    statuses=(400, 401),
    answers=answers.User,
    published=True,
    example={"firstName": "Ana", "telephone": "+34 600 000 000"},
)
async def change_user(call: Call, *, body: UserPatch) -> Reply:
    """An absent field stays; an empty text or null clears one."""
    try:
        user = await call.context.clients.identity.update_me(call.caller, cast("OwnDetails", body.changes()))
    except Refusal as refusal:
        raise renamed(refusal, USER_FIELDS) from None
    return Reply(user_view(user))


@operations.operation(
    "GET",
    "/api/v1/user/entities",
    summary="The entities I act for",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(401,),
    answers=list[answers.Entity],
    published=True,
)
async def list_own_entities(call: Call) -> Reply:
    """Whole, with balance, limits, what is available, and the open transfers."""
    return Reply(await _with_accounts(call, await own(call)))


async def own_views(call: Call, entities: list[Entity]) -> list[Json]:
    """Own entities with what the ledger knows, asked once for all."""
    return await _with_accounts(call, [entity_view(each) for each in entities])


async def _with_accounts(call: Call, views: list[Json]) -> list[Json]:
    if not views:
        return []
    ids = [view["id"] for view in views]
    accounts = by_entity(await call.context.clients.ledger.accounts_by_entity(call.caller, ids, with_pending=True))
    return [with_account(view, accounts.get(view["id"])) for view in views]


@operations.operation(
    "PATCH",
    "/api/v1/user/entities/{entityID}",
    summary="Changes an own entity",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.Entity,
    private=True,
    published=True,
    example={"description": "Bread from the wood oven.", "offers": ["bread", "cake"], "wants": ["flour"]},
)
async def change_own_entity(call: Call, entity_id: str, *, body: EntityPatch) -> Reply:
    """An absent field stays; an empty text or null clears one. Offers and wants are replaced as a whole; a tag that stays
    keeps its date. `If-Match` with an entity's `ETag` refuses what somebody else changed meanwhile."""
    directory = call.context.clients.directory
    try:
        entity = await directory.change(call.caller, entity_id, body.profile(), if_version=if_version(call))
    except Refusal as refusal:
        raise renamed(refusal, ENTITY_FIELDS) from None
    return Reply((await own_views(call, [entity]))[0], headers=etag(entity))


def if_version(call: Call) -> int | None:
    """The version that `If-Match` names. Raises Refusal 400 for what is not one of our tags."""
    given = call.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    digits = given.strip().removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise Refusal.of(400, "if_match_invalid", "If-Match must hold an ETag of this object.", "If-Match")
    return int(digits)


def etag(entity: Entity) -> dict[str, str]:
    version = entity.get("version")
    return {} if version is None else {"ETag": f'"{version}"'}


@operations.operation(
    "GET",
    "/api/v1/balance",
    summary="Balance and limits of an own entity",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(401, 403),
    answers=answers.Balance,
    private=True,
    published=True,
)
async def show_balance(call: Call, *, query: BalanceQuery) -> Reply:
    """Balance, limits and what is available to spend and to receive, at this moment."""
    account = await call.context.clients.ledger.account(call.caller, query.querying_entity_id)
    return Reply(balances_view(account))
