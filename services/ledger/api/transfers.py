"""Routes that move credit: propose, accept, reject, cancel, on behalf; and the reads of transfers."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from libs.common import lean
from libs.common.errors import Problem, Refusal
from libs.common.ids import is_id, new_id
from libs.common.lean import LeanRoute
from libs.common.web import json_response
from services.ledger.api import parse
from services.ledger.api.readers import reader_of
from services.ledger.api.refusals import refusal
from services.ledger.service.ledger import Ledger
from services.ledger.service.transfers import propose_one
from services.ledger.store.postings import Consent, Ending, Payment, Proposal
from services.ledger.store.reads import TransferFilter

PROPOSAL_FIELDS = frozenset({"direction", "initiator", "receiver", "amount_minor", "description"})
_PAYMENT_FIELDS = frozenset({"payer", "payee", "amount_minor", "description"})
_REASON_FIELDS = frozenset({"reason"})
_STATUSES = frozenset({"initiated", "completed", "cancelled"})
ENTITIES_MAX = 200


def add_routes(app: FastAPI, ledger: Ledger) -> None:
    """Lean routes: these are called most."""
    parse.add_lean(app, [*_movements(ledger), *_reads(ledger)])


def _movements(ledger: Ledger) -> list[LeanRoute]:
    async def propose(request: Request) -> Response:
        who = await parse.person(request, "propose")
        proposal = proposal_of(request, who, await lean.body(request, PROPOSAL_FIELDS))
        return parse.outcome_response(await propose_one(ledger, proposal), 201)

    async def accept(request: Request) -> Response:
        who = await parse.person(request, "accept")
        await lean.body(request, frozenset())
        transfer = parse.transfer_id(request)
        outcome = await ledger.accepting.submit(Consent(parse.asked(request, who, transfer), transfer))
        ledger.told()
        return parse.outcome_response(outcome, at_accept=True)

    async def reject(request: Request) -> Response:
        who = await parse.person(request, "accept")
        outcome = await ledger.rejecting.submit(await _ending(request, who))
        ledger.told()
        return parse.outcome_response(outcome)

    async def cancel(request: Request) -> Response:
        who = await parse.person(request, "propose")
        outcome = await ledger.cancelling.submit(await _ending(request, who))
        ledger.told()
        return parse.outcome_response(outcome)

    async def on_behalf(request: Request) -> Response:
        who = await lean.admin(request)
        outcome = await ledger.paying.submit(_payment_of(request, who, await lean.body(request, _PAYMENT_FIELDS)))
        ledger.told()
        return parse.outcome_response(outcome, 201)

    return [
        ("/transfers/on-behalf", on_behalf, "POST"),
        ("/transfers", propose, "POST"),
        ("/transfers/{transfer_id}/accept", accept, "POST"),
        ("/transfers/{transfer_id}/reject", reject, "POST"),
        ("/transfers/{transfer_id}/cancel", cancel, "POST"),
    ]


def _reads(ledger: Ledger) -> list[LeanRoute]:
    async def one(request: Request) -> Response:
        who = await lean.caller(request, "read")
        reader = reader_of(who, request.query_params.get("entity_id"))
        shape = await ledger.reads.transfer(reader, parse.transfer_id(request))
        if shape is None:
            raise refusal("not_a_party")
        return Response(shape.encode(), media_type="application/json")

    async def many(request: Request) -> Response:
        return await _list(ledger, request)

    async def pending(request: Request) -> Response:
        who = await lean.caller(request, "read")
        entity_ids = _values(request, "entity_ids")
        if len(entity_ids) > ENTITIES_MAX or not all(is_id(entity_id) for entity_id in entity_ids):
            raise Refusal.of(400, "entity_ids_wrong", f"At most {ENTITIES_MAX} entity ids.", "entity_ids")
        found = await ledger.reads.pending(reader_of(who), entity_ids)
        return json_response(
            {"items": [pending_shape(row["entity_id"], row, orjson.loads(row["shape"])) for row in found]}
        )

    return [("/transfers", many, "GET"), ("/transfers/{transfer_id}", one, "GET"), ("/pending", pending, "GET")]


def proposal_of(request: Request, who: Any, shape: Any) -> Proposal:
    """One proposal from a body; raises a Refusal that names every wrong field."""
    problems: list[Problem] = []
    direction = shape.get("direction")
    if direction not in ("out", "in"):
        problems.append(Problem("direction_wrong", "The direction is `out` or `in`.", "direction"))
    initiator = parse.number(shape.get("initiator"), "initiator", problems)
    receiver = parse.number(shape.get("receiver"), "receiver", problems)
    amount_minor = parse.amount(shape.get("amount_minor"), problems)
    description = parse.text(shape.get("description"), "description", problems)
    parse.refuse_if(problems)
    asked = parse.asked(request, who, direction, initiator, receiver, amount_minor, description)
    return Proposal(asked, new_id(), initiator, receiver, direction == "out", amount_minor, description)


def _payment_of(request: Request, who: Any, shape: Any) -> Payment:
    problems: list[Problem] = []
    payer = parse.number(shape.get("payer"), "payer", problems)
    payee = parse.number(shape.get("payee"), "payee", problems)
    amount_minor = parse.amount(shape.get("amount_minor"), problems)
    description = parse.text(shape.get("description"), "description", problems)
    parse.refuse_if(problems)
    asked = parse.asked(request, who, payer, payee, amount_minor, description)
    return Payment(asked, new_id(), payer, payee, amount_minor, description)


async def _ending(request: Request, who: Any) -> Ending:
    problems: list[Problem] = []
    reason = parse.reason(await lean.body(request, _REASON_FIELDS), problems)
    parse.refuse_if(problems)
    transfer = parse.transfer_id(request)
    return Ending(parse.asked(request, who, transfer, reason), transfer, who.is_admin, reason)


async def _list(ledger: Ledger, request: Request) -> Response:
    who = await lean.caller(request, "read")
    query = request.query_params
    reader = reader_of(who)
    entity_id, number = query.get("entity_id"), query.get("number")
    if entity_id is None and not reader.sees_all:
        raise Refusal.of(400, "missing", "Whose transfers?", "entity_id")
    if entity_id is not None and not is_id(entity_id):
        raise refusal("not_your_account")
    if number is not None and not reader.sees_all:
        raise Refusal.of(403, "forbidden", "Only an admin may ask by account number.", "number")
    statuses = _values(request, "status")
    if not set(statuses) <= _STATUSES:
        raise Refusal.of(400, "status_wrong", "A status is initiated, completed or cancelled.", "status")
    wanted = TransferFilter(
        entity_id,
        number,
        statuses,
        parse.moment(query.get("date_from"), "date_from"),
        parse.moment(query.get("date_to"), "date_to"),
    )
    if wanted.date_from and wanted.date_to and wanted.date_from > wanted.date_to:
        raise Refusal.of(400, "range_backwards", "The range ends before it begins.", "date_to")
    page, size = _whole(request, "page", 1, 1_000_000), _whole(request, "page_size", 10, 100)
    found = await ledger.reads.transfers(reader, wanted, offset=(page - 1) * size, limit=size)
    if found is None:
        raise refusal("not_your_account")
    return Response(b'{"items": [%s], "total": %d}' % (found[0].encode(), found[1]), media_type="application/json")


def _values(request: Request, name: str) -> list[str]:
    """A parameter that may be repeated, or hold several values separated by commas."""
    return [value for given in request.query_params.getlist(name) for value in given.split(",") if value]


def _whole(request: Request, name: str, default: int, largest: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= largest):
        raise Refusal.of(400, f"{name}_wrong", f"A whole number from 1 to {largest}.", name)
    return int(given)


def pending_shape(entity_id: str, row: Mapping[str, Any], transfer: dict[str, Any]) -> dict[str, Any]:
    """An open proposal as one entity sees it (LE-13), from its transfer."""
    is_own = (row["direction"] == "out") == (row["initiator"] == "payer")
    is_single = row["initiator"] != "group"  # a group is accepted and ended as a whole
    return transfer | {
        "entity_id": entity_id,
        "direction": row["direction"],
        "may_accept": is_single and not is_own,
        "may_cancel": is_single and is_own,
    }
