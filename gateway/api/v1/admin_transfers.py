"""Transfers and the activity log, for administrators."""

from typing import Any

from gateway.api import answers
from gateway.api.bodies import AdminTransfersQuery, LogsQuery, OnBehalfBody
from gateway.api.operation import Call, Meta, Registry, Reply
from gateway.api.rules import beginning, end_excluded
from gateway.api.v1.session import renamed
from gateway.api.v1.transfers import TRANSFER_FIELDS, moment_text, states
from gateway.api.views import admin_transfer_view, given
from gateway.clients.directory import Activity
from libs.common.errors import Refusal

operations = Registry()
_TAG = "Administration: transfers and log"
_STATUSES = (400, 401, 403)


@operations.operation(
    "POST",
    "/api/v1/admin/transfers",
    summary="Makes a transfer on behalf of two entities",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.AdminTransfer,
    published=True,
    example={"payer": "1234567812345670", "payee": "8765432187654321", "amount": 20, "description": "As agreed"},
)
async def make_transfer(call: Call, *, body: OnBehalfBody) -> Reply:
    """Completes at once, inside the limits, and tells both. `payer` and `payee` are account numbers."""
    try:
        transfer = await call.context.clients.ledger.on_behalf(
            call.caller,
            payer=body.payer,
            payee=body.payee,
            amount_minor=body.amount,
            description=body.description,
        )
    except Refusal as refusal:
        raise renamed(refusal, TRANSFER_FIELDS) from None
    return Reply(admin_transfer_view(transfer))


@operations.operation(
    "GET",
    "/api/v1/admin/transfers",
    summary="All transfers",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=list[answers.AdminTransfer],
    numbered=True,
    published=True,
)
async def list_all_transfers(call: Call, *, query: AdminTransfersQuery) -> Reply:
    """Newest first, by status, account and dates."""
    zone = call.context.settings.zone
    found = await call.context.clients.ledger.transfers(
        call.caller,
        number=query.account_number,
        status=states(query.status),
        date_from=moment_text(beginning(query.date_from, zone)),
        date_to=moment_text(end_excluded(query.date_to, zone)),
        page=query.page,
        page_size=query.page_size,
    )
    views = [admin_transfer_view(each) for each in found["items"]]
    return Reply(views, Meta(found["total"], query.page_size))


@operations.operation(
    "GET",
    "/api/v1/admin/transfers/{transferID}",
    summary="One transfer",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=answers.AdminTransfer,
    published=True,
)
async def show_any_transfer(call: Call, transfer_id: str) -> Reply:
    """With both parties."""
    try:
        return Reply(admin_transfer_view(await call.context.clients.ledger.transfer(call.caller, transfer_id)))
    except Refusal as refusal:
        if refusal.status != 403:
            raise
        raise Refusal.of(404, "transfer_unknown", "There is no such transfer.", "transferID") from None


@operations.operation(
    "GET",
    "/api/v1/admin/logs",
    summary="The activity log",
    who="admin",
    tag=_TAG,
    statuses=_STATUSES,
    answers=list[answers.LogEntry],
    numbered=True,
    published=True,
)
async def list_activity(call: Call, *, query: LogsQuery) -> Reply:
    """Newest first: every change and every login, by e-mail address, kind, action, text and dates."""
    zone = call.context.settings.zone
    found = await call.context.clients.directory.activity(
        call.caller,
        email=query.email or None,
        category=query.category or None,
        action=query.action or None,
        detail=query.detail or None,
        date_from=moment_text(beginning(query.date_from, zone)),
        date_to=moment_text(end_excluded(query.date_to, zone)),
        page=query.page,
        page_size=query.page_size,
    )
    return Reply([_log_entry(each) for each in found["items"]], Meta(found["total"], query.page_size))


def _log_entry(entry: Activity) -> dict[str, Any]:
    return given(
        id=entry["id"],
        userID=entry.get("actor_id"),
        email=entry.get("actor_email"),
        action=entry["action"],
        detail=entry["detail"],
        category=entry["category"],
        entityID=entry.get("entity_id"),
        before=entry.get("before"),
        after=entry.get("after"),
        createdAt=entry["at"],
    )
