"""Entities as administrators see and change them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.api import answers
from gateway.api.bodies import AdminEntitiesQuery, AdminEntityPatch
from gateway.api.operation import Call, Meta, Registry, Reply
from gateway.api.rules import beginning
from gateway.api.v1.session import renamed
from gateway.api.v1.transfers import moment_text
from gateway.api.v1.user import ENTITY_FIELDS, etag, if_version
from gateway.api.views import admin_entity_view, by_entity
from gateway.clients.directory import Entity
from gateway.flows import EntityChange, change_entity, delete_entity
from libs.common.errors import Refusal
from libs.common.money import MINOR_PER_UNIT

operations = Registry()
_TAG = "Administration: entities"
_FIELDS = ENTITY_FIELDS | {
    "max_negative_minor": "maxNegativeBalance",
    "max_positive_minor": "maxPositiveBalance",
    "user_ids": "users",
}


async def admin_views(call: Call, entities: Sequence[Entity]) -> list[dict[str, Any]]:
    """Entities with people, balances and open transfers, each owner asked once for all."""
    if not entities:
        return []
    ids = [entity["id"] for entity in entities]
    clients = call.context.clients
    accounts, users = await asyncio.gather(
        clients.ledger.accounts_by_entity(call.caller, ids, with_pending=True),
        clients.identity.fetch_users(call.caller, entity_ids=ids),
    )
    numbered = by_entity(accounts)
    return [admin_entity_view(entity, numbered.get(entity["id"]), users) for entity in entities]


@operations.operation(
    "GET",
    "/api/v1/admin/entities",
    summary="Searches all entities",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[answers.AdminEntity],
    numbered=True,
    published=True,
)
async def list_all_entities(call: Call, *, query: AdminEntitiesQuery) -> Reply:
    """`balance`, `max_pos_bal` and `max_neg_bal` mean at least; `status` may name several, separated by commas."""
    clients = call.context.clients
    ids = await _with_accounts(call, query)
    found = await clients.directory.find(
        call.caller,
        ids=ids,
        name=query.name or None,
        email=query.email or None,
        status=query.status,
        offers=query.offers,
        wants=query.wants,
        tagged_since=moment_text(beginning(query.tagged_since, call.context.settings.zone)),
        category=query.category or None,
        city=query.city or None,
        region=query.region or None,
        country=query.country or None,
        page=query.page,
        page_size=query.page_size,
    )
    return Reply(await admin_views(call, found["items"]), Meta(found["total"], query.page_size))


async def _with_accounts(call: Call, query: AdminEntitiesQuery) -> list[str] | None:
    """The entities that the ledger finds for what only it knows; None where nothing of that was asked."""
    if query.balance is None and query.max_pos_bal is None and query.max_neg_bal is None and not query.account_number:
        return None
    return await call.context.clients.ledger.find_entities(
        call.caller,
        balance_min_minor=query.balance,
        max_positive_min_minor=query.max_pos_bal,
        max_negative_min_minor=query.max_neg_bal,
        number=query.account_number or None,
    )


@operations.operation(
    "GET",
    "/api/v1/admin/entities/{entityID}",
    summary="One entity, whole",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.AdminEntity,
    published=True,
)
async def show_any_entity(call: Call, entity_id: str) -> Reply:
    """With its people, balance, limits and open transfers."""
    entity = await call.context.clients.directory.entity(call.caller, entity_id)
    return Reply((await admin_views(call, [entity]))[0], headers=etag(entity))


@operations.operation(
    "PATCH",
    "/api/v1/admin/entities/{entityID}",
    summary="Changes an entity: profile, status, categories, people, limits",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.AdminEntity,
    published=True,
    example={"status": "tradingAccepted", "maxNegativeBalance": 500, "maxPositiveBalance": 1000},
)
async def change_any_entity(call: Call, entity_id: str, *, body: AdminEntityPatch) -> Reply:
    """Everything is judged before anything is changed. `maxNegativeBalance` is a positive number: 500 allows down to -500.
    `users` replaces the people who act for it. Every service acts on a new status or limit within a second."""
    change = EntityChange(
        profile=body.profile(),
        max_negative_minor=minor_of(body.max_negative_balance),
        max_positive_minor=minor_of(body.max_positive_balance),
        user_ids=body.users,
        reason=body.reason,
        if_version=if_version(call),
    )
    try:
        await change_entity(call.context, call.caller, entity_id, change)
    except Refusal as refusal:
        raise renamed(refusal, _FIELDS) from None
    return await show_any_entity(call, entity_id)


def minor_of(units: int | None) -> int | None:
    """Whole units in minor ones."""
    return None if units is None else units * MINOR_PER_UNIT


@operations.operation(
    "DELETE",
    "/api/v1/admin/entities/{entityID}",
    summary="Deletes an entity",
    who="admin",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.AdminEntity,
    published=True,
)
async def delete_any_entity(call: Call, entity_id: str) -> Reply:
    """Only at a balance of zero and without open transfers; what it did stays in the ledger. Answers what was there."""
    await call.context.clients.directory.entity(call.caller, entity_id)
    views = await admin_views(call, [await delete_entity(call.context, call.caller, entity_id)])
    return Reply(views[0])
