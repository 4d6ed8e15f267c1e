"""Money beyond the published operations: pending, statement, chart, preview, batch, refund, groups."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from gateway.api import answers
from gateway.api import answers_more as more
from gateway.api.bodies import ProposeBody
from gateway.api.bodies_more import (
    AtQuery,
    BatchBody,
    BatchQuery,
    ConsentBody,
    GroupBody,
    PdfQuery,
    PendingQuery,
    RangeQuery,
    ReasonBody,
    RefundBody,
    StatementQuery,
)
from gateway.api.operation import Call, RawReply, Registry, Reply
from gateway.api.rules import beginning, end_excluded
from gateway.api.v1.matching import require_own
from gateway.api.v1.session import renamed
from gateway.api.v1.transfers import TRANSFER_FIELDS, moment_text
from gateway.api.views import camel, given, initiated_view, transfer_view
from gateway.clients.ledger_shapes import GroupTransfer, NewTransfer, TransferJson
from libs.common.errors import Refusal
from libs.common.peers import StreamedAnswer

operations = Registry()
_TAG = "Transfers"
_STATEMENT = "Statement"
_READ = (400, 401, 403)


def proposal_of(body: ProposeBody) -> NewTransfer:
    """As the ledger reads it."""
    return NewTransfer(
        direction="out" if body.transfer == "out" else "in",
        initiator=body.initiator,
        receiver=body.receiver,
        amount_minor=body.amount,
        description=body.description,
    )


@operations.operation(
    "GET",
    "/api/v1/pending",
    summary="Open proposals and what I can do about them",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=_READ,
    answers=list[more.PendingTransfer],
    private=True,
)
async def list_pending(call: Call, *, query: PendingQuery) -> Reply:
    """Of all own entities, or of one."""
    if query.querying_entity_id is not None:
        await require_own(call, query.querying_entity_id)
        ids = [query.querying_entity_id]
    else:
        ids = [each["id"] for each in await call.context.clients.directory.mine(call.caller)]
    pending = await call.context.clients.ledger.pending(call.caller, ids) if ids else []
    return Reply(
        [
            transfer_view(each, each["entity_id"])
            | {
                "entityID": each["entity_id"],
                "mayAccept": each["may_accept"],
                "mayCancel": each["may_cancel"],
            }
            for each in pending
        ]
    )


@operations.operation(
    "POST",
    "/api/v1/transfers/preview",
    summary="What a proposal would do",
    who="member",
    scope="propose",
    tag=_TAG,
    statuses=_READ,
    answers=more.Preview,
    example={"transfer": "out", "initiator": "1234567812345670", "receiver": "8765432187654321", "amount": 12.5},
)
async def preview_transfer(call: Call, *, body: ProposeBody) -> Reply:
    """Fees, the total and what would be left, before confirming; nothing is kept."""
    try:
        return Reply(camel(await call.context.clients.ledger.preview(call.caller, proposal_of(body))))
    except Refusal as refusal:
        raise renamed(refusal, TRANSFER_FIELDS) from None


@operations.operation(
    "GET",
    "/api/v1/transfers/{transferID}",
    summary="One transfer",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=_READ,
    answers=answers.TransferView,
    private=True,
)
async def show_transfer(call: Call, transfer_id: str, *, query: PendingQuery) -> Reply:
    """Seen from the own entity among the parties; from `querying_entity_id` where both are own."""
    ledger = call.context.clients.ledger
    transfer = await ledger.transfer(call.caller, transfer_id, entity_id=query.querying_entity_id)
    return Reply(transfer_view(transfer, query.querying_entity_id or await _own_side(call, transfer)))


async def _own_side(call: Call, transfer: TransferJson) -> str:
    own = {each["id"] for each in await call.context.clients.directory.mine(call.caller)}
    payer = transfer["payer"]["entity_id"] or ""
    return payer if payer in own else transfer["payee"]["entity_id"] or ""


@operations.operation(
    "POST",
    "/api/v1/transfers/{transferID}/refund",
    summary="Proposes the way back of a completed transfer",
    who="member",
    scope="propose",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=answers.TransferInitiated,
    status=201,
    private=True,
    example={"amount": 5, "description": "Half of it back"},
)
async def refund_transfer(call: Call, transfer_id: str, *, body: RefundBody) -> Reply:
    """Whole or in part; the other party consents by accepting. What is posted stays as it is (LE-10)."""
    try:
        transfer = await call.context.clients.ledger.refund(
            call.caller, transfer_id, amount_minor=body.amount, description=body.description
        )
    except Refusal as refusal:
        raise renamed(refusal, TRANSFER_FIELDS) from None
    return Reply(initiated_view(transfer))


@operations.operation(
    "POST",
    "/api/v1/transfers/batch",
    summary="Proposes many transfers",
    who="member",
    scope="propose",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Batch,
    large_body=True,
    raw_types=("text/csv",),
    raw_example="direction,receiver,amount,description\nout,8765432187654321,5.00,Dues of March\n",
    example={
        "transfers": [
            {
                "transfer": "out",
                "initiator": "1234567812345670",
                "receiver": "8765432187654321",
                "amount": 5,
                "description": "Dues of March",
            }
        ],
        "allOrNothing": False,
    },
)
async def propose_batch(call: Call, *, query: BatchQuery, body: BatchBody | None = None) -> Reply:
    """Each line has its own outcome; with `allOrNothing` all or none. At most 1 000 lines. As CSV: the columns
    `direction,receiver,amount,description`, with `initiator` and `all_or_nothing` as parameters."""
    ledger = call.context.clients.ledger
    if body is not None:
        lines = [proposal_of(each) for each in body.transfers]
        return Reply(camel(await ledger.batch(call.caller, lines, all_or_nothing=body.all_or_nothing)))
    if query.initiator is None:
        raise Refusal.of(400, "required", "initiator: Whose account proposes?", "initiator")
    done = await ledger.batch_csv(call.caller, call.raw, initiator=query.initiator, all_or_nothing=query.all_or_nothing)
    return Reply(camel(done))


@operations.operation(
    "POST",
    "/api/v1/transfer-groups",
    summary="Proposes transfers that post together",
    who="member",
    scope="propose",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Group,
    status=201,
    example={
        "initiator": "1234567812345670",
        "transfers": [{"payer": "1234567812345670", "payee": "8765432187654321", "amount": 5, "description": "A loop"}],
    },
)
async def propose_group(call: Call, *, body: GroupBody) -> Reply:
    """All of them or none, at the last consent: every account concerned consents once, the initiator by proposing. At most
    20."""
    lines = [
        GroupTransfer(payer=each.payer, payee=each.payee, amount_minor=each.amount, description=each.description)
        for each in body.transfers
    ]
    return Reply(camel(await call.context.clients.ledger.propose_group(call.caller, body.initiator, lines)))


@operations.operation(
    "POST",
    "/api/v1/transfer-groups/{groupID}/accept",
    summary="Consents to a group",
    who="member",
    scope="accept",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Group,
    private=True,
    example={"entityID": "0199b3f0-0000-7000-8000-000000000001"},
)
async def accept_group(call: Call, group_id: str, *, body: ConsentBody) -> Reply:
    """For one own entity; the last consent posts everything."""
    return Reply(camel(await call.context.clients.ledger.accept_group(call.caller, group_id, body.entity)))


@operations.operation(
    "POST",
    "/api/v1/transfer-groups/{groupID}/end",
    summary="Ends an open group",
    who="person",
    scope="accept",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Group,
    private=True,
    example={"reason": "Not any more"},
)
async def end_group(call: Call, group_id: str, *, body: ReasonBody) -> Reply:
    """By any party, or by an administrator."""
    return Reply(camel(await call.context.clients.ledger.end_group(call.caller, group_id, reason=body.reason)))


@operations.operation(
    "GET",
    "/api/v1/fees",
    summary="The fees in force",
    who="person",
    scope="read",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=list[more.FeeRule],
)
async def list_fees(call: Call) -> Reply:
    """A share of the amount that the payer pays to an account of the community; shown before confirming."""
    return Reply(camel(await call.context.clients.ledger.fees(call.caller)))


@operations.operation(
    "GET",
    "/api/v1/transfer-groups/{groupID}",
    summary="Transfers that post together",
    who="member",
    scope="read",
    tag=_TAG,
    statuses=(401, 403),
    answers=more.Group,
    private=True,
)
async def show_group(call: Call, group_id: str) -> Reply:
    """For its parties."""
    return Reply(camel(await call.context.clients.ledger.group(call.caller, group_id)))


def _range(call: Call, query: RangeQuery) -> dict[str, str | None]:
    zone = call.context.settings.zone
    return {
        "date_from": moment_text(beginning(query.date_from, zone)),
        "date_to": moment_text(end_excluded(query.date_to, zone)),
    }


@operations.operation(
    "GET",
    "/api/v1/statement",
    summary="Completed transfers with the running balance",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    answers=list[more.StatementLine],
    cursored=True,
    private=True,
)
async def show_statement(call: Call, *, query: StatementQuery) -> Reply:
    """Newest first, in a range of dates, with a search in descriptions and names."""
    found = await call.context.clients.ledger.statement(
        call.caller,
        query.querying_entity_id,
        text=query.search or None,
        cursor=query.cursor,
        limit=query.limit,
        **_range(call, query),
    )
    return Reply(camel(found["items"]), given(next=found["next"]))


@operations.operation(
    "GET",
    "/api/v1/statement.csv",
    summary="The statement as CSV",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    media_types=("text/csv",),
    private=True,
)
async def download_statement_csv(call: Call, *, query: RangeQuery) -> RawReply:
    """For spreadsheets; cells that look like formulas are defused."""
    stream = call.context.clients.ledger.statement_csv(call.caller, query.querying_entity_id, **_range(call, query))
    return await _passed_on(stream, "text/csv; charset=utf-8", "statement.csv")


@operations.operation(
    "GET",
    "/api/v1/statement.pdf",
    summary="The statement as PDF",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    media_types=("application/pdf",),
    private=True,
)
async def download_statement_pdf(call: Call, *, query: PdfQuery) -> RawReply:
    """To print."""
    stream = call.context.clients.ledger.statement_pdf(
        call.caller, query.querying_entity_id, language=query.language or None, **_range(call, query)
    )
    return await _passed_on(stream, "application/pdf", "statement.pdf")


@operations.operation(
    "GET",
    "/api/v1/statement.json",
    summary="The signed statement with its proof",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    media_types=("application/json",),
    private=True,
)
async def download_statement_proof(call: Call, *, query: RangeQuery) -> RawReply:
    """Checked offline by `mccs verify-statement FILE`: the lines, their paths to sealed blocks, the ledger's signatures."""
    stream = call.context.clients.ledger.statement_json(call.caller, query.querying_entity_id, **_range(call, query))
    return await _passed_on(stream, "application/json", "statement.json")


@operations.operation(
    "GET",
    "/api/v1/proof/key",
    summary="The public key that statements are signed with",
    who="person",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    answers=more.ProofKey,
)
async def show_proof_key(call: Call) -> Reply:
    """Ed25519, in base64. Keep it apart from your statements, and give it to `mccs verify-statement --key`."""
    return Reply({"publicKey": await call.context.clients.ledger.proof_key(call.caller)})


async def _passed_on(stream: AbstractAsyncContextManager[StreamedAnswer], kind: str, name: str) -> RawReply:
    """A service's answer piece by piece. It is opened first, so that a refusal is still told as one."""
    answer = await stream.__aenter__()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.chunks:
                yield chunk
        finally:
            await stream.__aexit__(None, None, None)

    return RawReply(kind, chunks(), {"Content-Disposition": f'attachment; filename="{name}"'})


@operations.operation(
    "GET",
    "/api/v1/balance/series",
    summary="The balance day by day",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    answers=list[more.SeriesPoint],
    private=True,
)
async def show_series(call: Call, *, query: RangeQuery) -> Reply:
    """One point a local day, for a chart; the last 90 days where no dates are given."""
    points = await call.context.clients.ledger.series(call.caller, query.querying_entity_id, **_range(call, query))
    return Reply(camel(points))


@operations.operation(
    "GET",
    "/api/v1/balance/at",
    summary="The balance at a past moment",
    who="member",
    scope="read",
    tag=_STATEMENT,
    statuses=_READ,
    answers=more.BalanceAt,
    private=True,
)
async def show_balance_at(call: Call, *, query: AtQuery) -> Reply:
    """A plain date means its end."""
    moment = end_excluded(query.at, call.context.settings.zone)
    at = moment_text(moment) or ""
    return Reply(camel(await call.context.clients.ledger.balance_at(call.caller, query.querying_entity_id, at)))
