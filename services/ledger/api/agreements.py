"""Routes of what is agreed in several words: preview, refund, groups, batches, fees."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from libs.common import context, lean
from libs.common.auth import Principal
from libs.common.errors import Problem, Refusal
from libs.common.ids import is_id, new_id
from libs.common.lean import LeanRoute
from libs.common.web import json_response
from services.ledger.api import parse
from services.ledger.api.readers import reader_of
from services.ledger.api.refusals import refusal, words
from services.ledger.api.transfers import PROPOSAL_FIELDS, proposal_of
from services.ledger.domain import NAME_LENGTH_MAX
from services.ledger.service.batches import LINES_MAX, BatchOutcome, Line, keyed, lines_of, propose_all, propose_each
from services.ledger.service.imports import UnreadableFile
from services.ledger.service.ledger import Ledger
from services.ledger.store.agreements import Fee, GroupLeg

GROUP_MAX = 20
BATCH_BYTES_MAX = 8 * 1_048_576
COMMUNITY_MAX = 10**17
"""Upper limit of a community account: what all fees of the largest node could come to."""
_LEG_FIELDS = frozenset({"payer", "payee", "amount_minor", "description"})


def add_routes(app: FastAPI, ledger: Ledger) -> None:
    """Lean routes like those of transfers."""
    parse.add_lean(app, [*_single(ledger), *_groups(ledger), *_fees(ledger)])


def _single(ledger: Ledger) -> list[LeanRoute]:
    async def preview(request: Request) -> Response:
        return await _preview(ledger, request)

    async def refund(request: Request) -> Response:
        who = await parse.person(request, "propose")
        shape = await lean.body(request, frozenset({"amount_minor", "description"}))
        problems: list[Problem] = []
        given = shape.get("amount_minor")
        amount = None if given is None else parse.amount(given, problems)
        description = parse.text(shape.get("description"), "description", problems)
        parse.refuse_if(problems)
        transfer = parse.transfer_id(request)
        asked = parse.asked(request, who, transfer, amount, description)
        outcome = await ledger.agreements.refund(asked, transfer, amount, description)
        ledger.told()
        return parse.outcome_response(outcome, 201)

    async def batch(request: Request) -> Response:
        request.scope["body_bytes_max"] = BATCH_BYTES_MAX
        who = await parse.person(request, "propose")
        lines, is_whole = await _lines(request, who)
        done = await (propose_all if is_whole else propose_each)(ledger, lines)
        shapes = [_line(one) for one in done]
        accepted = sum(shape["code"] == "ok" for shape in shapes)
        return json_response({"lines": shapes, "accepted": accepted, "refused": len(shapes) - accepted})

    return [
        ("/transfers/preview", preview, "POST"),
        ("/transfers/batch", batch, "POST"),
        ("/transfers/{transfer_id}/refund", refund, "POST"),
    ]


def _groups(ledger: Ledger) -> list[LeanRoute]:
    async def propose(request: Request) -> Response:
        who = await parse.person(request, "propose")
        initiator, legs = _legs(await lean.body(request, frozenset({"initiator", "transfers"})))
        content = [(leg.payer, leg.payee, leg.amount_minor, leg.description) for leg in legs]
        asked = parse.asked(request, who, initiator, content)
        outcome = await ledger.agreements.propose_group(asked, initiator, legs)
        ledger.told()
        return parse.outcome_response(outcome, 201)

    async def accept(request: Request) -> Response:
        who = await parse.person(request, "accept")
        shape = await lean.body(request, frozenset({"entity_id"}))
        entity_id = shape.get("entity_id")
        if not is_id(entity_id):
            raise refusal("not_a_party")
        group = _group_id(request)
        outcome = await ledger.agreements.accept_group(parse.asked(request, who, group), group, str(entity_id))
        ledger.told()
        return parse.outcome_response(outcome, at_accept=outcome.answer is not None)

    async def end(request: Request) -> Response:
        who = await parse.person(request, "accept")
        problems: list[Problem] = []
        reason = parse.reason(await lean.body(request, frozenset({"reason"})), problems)
        parse.refuse_if(problems)
        group = _group_id(request)
        outcome = await ledger.agreements.end_group(
            parse.asked(request, who, group), group, by_admin=who.is_admin, reason=reason
        )
        ledger.told()
        return parse.outcome_response(outcome)

    async def one(request: Request) -> Response:
        reader = reader_of(await lean.caller(request, "read"))
        found = await ledger.agreements.group(
            _group_id(request), user_id=reader.user_id, sees_all=reader.sees_all, only_entity=reader.only_entity
        )
        if found is None:
            raise refusal("not_a_party")
        return Response(found.encode(), media_type="application/json")

    return [
        ("/groups", propose, "POST"),
        ("/groups/{group_id}", one, "GET"),
        ("/groups/{group_id}/accept", accept, "POST"),
        ("/groups/{group_id}/end", end, "POST"),
    ]


def _fees(ledger: Ledger) -> list[LeanRoute]:
    async def rules(request: Request) -> Response:
        await lean.caller(request, "read")
        return json_response({"items": await ledger.agreements.fee_rules()})

    async def add(request: Request) -> Response:
        who = await lean.admin(request)
        shape = await lean.body(request, frozenset({"name", "share_ppm"}))
        problems: list[Problem] = []
        name = parse.text(shape.get("name"), "name", problems, NAME_LENGTH_MAX, multiline=False)
        share = shape.get("share_ppm")
        if not name and not problems:
            problems.append(Problem("missing", "A fee needs a name.", "name"))
        if isinstance(share, bool) or not isinstance(share, int) or not 1 <= share <= 1_000_000:
            problems.append(Problem("share_wrong", "A share is 1 to 1000000 millionths of the amount.", "share_ppm"))
        parse.refuse_if(problems)
        community = ledger.settings.node_name
        await ledger.accounts.open_community(community, min_balance=0, max_balance=COMMUNITY_MAX)
        number = await ledger.agreements.community_number(community)
        assert number is not None
        _, rule = await ledger.agreements.add_fee(name, int(share or 0), number, who.id, context.request_id.get())
        ledger.told()
        [made] = [found for found in await ledger.agreements.fee_rules() if found["id"] == rule]
        return json_response(made, 201)

    async def end(request: Request) -> Response:
        who = await lean.admin(request)
        rule = str(request.path_params["fee_id"])
        code = await ledger.agreements.end_fee(rule, who.id, context.request_id.get()) if is_id(rule) else "unknown_fee"
        if code != "ok":
            raise Refusal.of(404, "unknown_fee", "There is no such fee.")
        ledger.told()
        return Response(status_code=204)

    return [("/fees", rules, "GET"), ("/fees", add, "POST"), ("/fees/{fee_id}", end, "DELETE")]


async def _preview(ledger: Ledger, request: Request) -> Response:
    who = await parse.person(request, "propose")
    proposal = proposal_of(request, who, await lean.body(request, PROPOSAL_FIELDS))
    if proposal.initiator == proposal.receiver:
        raise refusal("same_account")
    reader = reader_of(who)
    found = {
        account["number"]: account
        for account in await ledger.reads.accounts(reader, numbers=[proposal.initiator, proposal.receiver])
    }
    own, other = found.get(proposal.initiator), found.get(proposal.receiver)
    if own is None or "balance_minor" not in own:
        raise refusal("not_your_account")
    if other is None:
        raise refusal("unknown_account")
    payer, payee = (own, other) if proposal.outgoing else (other, own)
    fees = await ledger.agreements.fees(payer["number"], payee["number"], proposal.amount_minor)
    total = proposal.amount_minor + sum(fee.amount_minor for fee in fees)
    return json_response(
        {
            "payer": _party(payer),
            "payee": _party(payee),
            "amount_minor": proposal.amount_minor,
            "fees": [_fee(fee) for fee in fees],
            "total_minor": total,
            "account_after": _after(own, -total if proposal.outgoing else proposal.amount_minor),
            "unit": own["unit"],
        }
    )


def _after(own: dict[str, Any], change: int) -> dict[str, int]:
    """What the initiator's account would show once the transfer is completed; whether it can be is not judged here."""
    return {
        "balance_minor": own["balance_minor"] + change,
        "available_to_spend_minor": own["available_to_spend_minor"] + change,
        "available_to_receive_minor": own["available_to_receive_minor"] - change,
    }


async def _lines(request: Request, who: Principal) -> tuple[list[Line], bool]:
    """The lines of a batch, from JSON or CSV, and whether they are to be done all or not at all."""
    if "csv" in request.headers.get("content-type", ""):
        problems: list[Problem] = []
        initiator = parse.number(request.query_params.get("initiator"), "initiator", problems)
        parse.refuse_if(problems)
        try:
            lines = lines_of(await request.body(), parse.asked(request, who), initiator)
        except UnreadableFile as fault:
            raise Refusal.of(400, "file_unreadable", str(fault)) from None
        return lines, request.query_params.get("all_or_nothing", "").lower() in ("true", "1")
    shape = await lean.body(request, frozenset({"transfers", "all_or_nothing"}))
    given, is_whole = shape.get("transfers"), shape.get("all_or_nothing", False)
    if not isinstance(given, list) or not 1 <= len(given) <= LINES_MAX or not isinstance(is_whole, bool):
        raise Refusal.of(400, "transfers_wrong", f"A batch has 1 to {LINES_MAX} transfers.", "transfers")
    return [_json_line(request, who, number, one) for number, one in enumerate(given, start=1)], is_whole


def _json_line(request: Request, who: Principal, number: int, given: Any) -> Line:
    if not isinstance(given, dict) or not given.keys() <= PROPOSAL_FIELDS:
        return "columns_wrong"
    try:
        proposal = proposal_of(request, who, given)
    except Refusal as refused:
        code = refused.problems[0].code
        return (
            code
            if code in ("direction_wrong", "unknown_account") or "amount_" in code or "descr" in code
            else "columns_wrong"
        )
    asked = keyed(proposal.asked, number, sorted(given.items()))
    return type(proposal)(
        asked,
        proposal.id,
        proposal.initiator,
        proposal.receiver,
        proposal.outgoing,
        proposal.amount_minor,
        proposal.description,
    )


def _legs(shape: Mapping[str, Any]) -> tuple[str, list[GroupLeg]]:
    problems: list[Problem] = []
    initiator = parse.number(shape.get("initiator"), "initiator", problems)
    given = shape.get("transfers")
    if not isinstance(given, list) or not 1 <= len(given) <= GROUP_MAX:
        problems.append(Problem("transfers_wrong", f"A group has 1 to {GROUP_MAX} transfers.", "transfers"))
        given = []
    legs = []
    for place, one in enumerate(given):
        if not isinstance(one, dict) or not one.keys() <= _LEG_FIELDS:
            problems.append(Problem("transfers_wrong", "This is not a transfer of a group.", f"transfers.{place}"))
            continue
        found: list[Problem] = []
        leg = GroupLeg(
            new_id(),
            parse.number(one.get("payer"), "payer", found),
            parse.number(one.get("payee"), "payee", found),
            parse.amount(one.get("amount_minor"), found),
            parse.text(one.get("description"), "description", found),
        )
        problems += [Problem(p.code, p.message, f"transfers.{place}.{p.field}") for p in found]
        legs.append(leg)
    parse.refuse_if(problems)
    return initiator, legs


def _group_id(request: Request) -> str:
    value = str(request.path_params["group_id"])
    if not is_id(value):
        raise refusal("not_a_party")
    return value


def _line(one: BatchOutcome) -> dict[str, Any]:
    code, message = words(one.line.code, room_minor=one.room_minor)
    return {"line": one.line.line, "code": code, "message": message, "transfer_id": one.line.transfer_id}


def _party(account: Mapping[str, Any]) -> dict[str, Any]:
    return {name: account[name] for name in ("entity_id", "number", "name")}


def _fee(fee: Fee) -> dict[str, Any]:
    payee = {"entity_id": fee.entity_id, "number": fee.number, "name": fee.payee_name}
    return {"name": fee.name, "amount_minor": fee.amount_minor, "payee": payee}
