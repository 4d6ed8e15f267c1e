"""Paying, requesting, and deciding about it."""

from datetime import datetime

from gateway.api import answers
from gateway.api.bodies import ProposeBody, ResolveBody, TransfersQuery
from gateway.api.operation import Call, Meta, Registry, Reply
from gateway.api.rules import beginning, end_excluded
from gateway.api.v1.session import renamed
from gateway.api.views import initiated_view, transfer_view
from gateway.clients.ledger_shapes import Direction, NewTransfer, TransferJson
from libs.common.clock import rfc3339
from libs.common.errors import Refusal

operations = Registry()
_TAG = "Transfers"
TRANSFER_FIELDS = {"amount_minor": "amount", "direction": "transfer", "reason": "cancellationReason"}


@operations.operation(
    "POST",
    "/api/v1/transfers",
    summary="Proposes a transfer",
    who="member",
    scope="propose",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=answers.TransferInitiated,
    published=True,
    example={
        "transfer": "out",
        "initiator": "1234567812345670",
        "receiver": "8765432187654321",
        "amount": 12.5,
        "description": "Two loaves and a cake",
    },
)
async def propose_transfer(call: Call, *, body: ProposeBody) -> Reply:
    """`out`: the initiator pays; `in`: the initiator asks to be paid. `initiator` and `receiver` are account numbers, the
    initiator's is an own one. The other party decides. With an `Idempotency-Key` a repeat gets the first answer."""
    direction: Direction = "out" if body.transfer == "out" else "in"
    proposal = NewTransfer(
        direction=direction,
        initiator=body.initiator,
        receiver=body.receiver,
        amount_minor=body.amount,
        description=body.description,
    )
    try:
        transfer = await call.context.clients.ledger.propose(call.caller, proposal)
    except Refusal as refusal:
        raise renamed(refusal, TRANSFER_FIELDS) from None
    return Reply(initiated_view(transfer))


@operations.operation(
    "GET",
    "/api/v1/transfers",
    summary="Transfers of an own entity",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(400, 401),
    answers=list[answers.TransferView],
    numbered=True,
    private=True,
    published=True,
)
async def list_transfers(call: Call, *, query: TransfersQuery) -> Reply:
    """Newest first. `status` may be all, initiated, completed, cancelled, or several of them."""
    zone = call.context.settings.zone
    found = await call.context.clients.ledger.transfers(
        call.caller,
        entity_id=query.querying_entity_id,
        status=states(query.status),
        date_from=moment_text(beginning(query.date_from, zone)),
        date_to=moment_text(end_excluded(query.date_to, zone)),
        page=query.page,
        page_size=query.page_size,
    )
    views = [transfer_view(each, query.querying_entity_id) for each in found["items"]]
    return Reply(views, Meta(found["total"], query.page_size))


def states(asked: list[str]) -> list[str]:
    """What the ledger is asked for; nothing means all."""
    return [] if "all" in asked else asked


def moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


@operations.operation(
    "PATCH",
    "/api/v1/transfers/{transferID}",
    summary="Accepts, rejects or cancels a proposal",
    who="member",
    scope="accept",
    tag=_TAG,
    statuses=(400, 401),
    answers=answers.TransferView,
    private=True,
    unknown=401,
    published=True,
    example={"action": "accept"},
)
async def resolve_transfer(call: Call, transfer_id: str, *, body: ResolveBody) -> Reply:
    """Accept and reject are the other party's, cancel is the initiator's. Limits are judged again when it is accepted; one
    that is reached cancels the transfer."""
    ledger, reason = call.context.clients.ledger, body.cancellation_reason
    try:
        if body.action == "accept":
            transfer = await ledger.accept(call.caller, transfer_id)
        elif body.action == "reject":
            transfer = await ledger.reject(call.caller, transfer_id, reason=reason)
        else:
            transfer = await ledger.cancel(call.caller, transfer_id, reason=reason)
    except Refusal as refusal:
        raise renamed(refusal, TRANSFER_FIELDS) from None
    return Reply(transfer_view(transfer, _side(transfer, initiator=body.action == "cancel")))


def _side(transfer: TransferJson, *, initiator: bool) -> str:
    """The entity for which the caller acted: the initiator cancels, the other one accepts and rejects."""
    payer_acts = (transfer["initiator"] == "payer") == initiator
    return (transfer["payer"] if payer_acts else transfer["payee"])["entity_id"] or ""
