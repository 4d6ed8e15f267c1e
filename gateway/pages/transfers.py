"""Transfers: all of mine, one of them as a receipt, and what I may do about it."""

import asyncio
import math

from starlette.responses import Response

from gateway.clients.ledger_shapes import TransferJson
from gateway.pages.gather import part_of
from gateway.pages.headers import local_path
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal
from libs.common.ids import derived_id

PAGE_SIZE = 20
_STATUSES = ("initiated", "completed", "cancelled")
REASON_MAX = 200


async def show_transfers(screen: Screen) -> Response:
    acting_id = await screen.acting_id()
    status, page = screen.query.get("status", ""), page_number(screen)
    chosen = [status] if status in _STATUSES else []
    caller, ledger = screen.caller(), screen.clients.ledger
    pending, listed = await asyncio.gather(
        part_of(ledger.pending(caller, [acting_id])),
        part_of(ledger.transfers(caller, entity_id=acting_id, status=chosen, page=page, page_size=PAGE_SIZE)),
    )
    return screen.render(
        "transfers.html",
        own={acting_id},
        chosen=status,
        pending=pending,
        listed=listed,
        page=page,
        pages=max(1, math.ceil(listed.value["total"] / PAGE_SIZE)) if listed.value else 1,
    )


def page_number(screen: Screen) -> int:
    """`page` of the query; anything that is no number is the first."""
    text = screen.query.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


async def show_transfer(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    """One transfer, whoever of my entities took part in it. Admins see it on their own page."""
    if screen.visitor.is_admin:
        return screen.go(f"/admin/transfers/{screen.path_id()}")
    transfer, mine = await asyncio.gather(_transfer(screen), screen.mine())
    own = {entity["id"] for entity in mine.value or ()}
    if mine.value is None:
        own.add(await screen.acting_id())
    return screen.render(
        "transfer.html",
        status=status,
        problems=problems,
        transfer=transfer,
        own=own,
        can=_what_i_can(transfer, own),
        receipt=screen.query.get("receipt") == "1",
    )


async def _transfer(screen: Screen) -> TransferJson:
    try:
        return await screen.clients.ledger.transfer(screen.caller(), screen.path_id())
    except Refusal as refusal:
        if refusal.status in {400, 403}:  # unknown and somebody else's are the same to the reader
            raise Refusal.of(404, "not_found", "There is nothing here.") from None
        raise


def _what_i_can(transfer: TransferJson, own: set[str]) -> set[str]:
    """Which buttons make sense; the ledger decides again when one is pressed."""
    roles = {role for role in ("payer", "payee") if transfer[role]["entity_id"] in own}
    if transfer["status"] == "initiated":
        can = {"cancel"} if transfer["initiator"] in roles else set[str]()
        return can | ({"accept", "reject"} if roles - {transfer["initiator"]} else set())
    if transfer["status"] == "completed" and transfer["kind"] in {"transfer", "adminTransfer"}:
        return {"repeat"} | ({"refund"} if roles else set())
    return {"repeat"} if transfer["status"] == "cancelled" else set()


async def _act(screen: Screen, done: str, action: str) -> Response:
    """Accept, reject or cancel. A page sent twice asks twice for the same thing, and gets the first answer."""
    transfer_id = screen.path_id()
    key = derived_id("pages", action, transfer_id, screen.visitor.session_id)
    caller, ledger = screen.caller(idempotency_key=key), screen.clients.ledger
    reason = screen.form.text("reason")[:REASON_MAX]
    try:
        if action == "accept":
            await ledger.accept(caller, transfer_id)
        elif action == "reject":
            await ledger.reject(caller, transfer_id, reason=reason)
        else:
            await ledger.cancel(caller, transfer_id, reason=reason)
    except Refusal as refusal:
        if refusal.status == 403:
            raise Refusal.of(404, "not_found", "There is nothing here.") from None
        return await show_transfer(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(local_path(screen.form.text("next"), f"/transfers/{transfer_id}"), done=done)


async def do_accept(screen: Screen) -> Response:
    return await _act(screen, "accepted", "accept")


async def do_reject(screen: Screen) -> Response:
    return await _act(screen, "rejected", "reject")


async def do_cancel(screen: Screen) -> Response:
    return await _act(screen, "cancelled", "cancel")


async def do_refund(screen: Screen) -> Response:
    """Proposes the way back of the whole amount; the other side decides."""
    transfer_id = screen.path_id()
    key = derived_id("pages", "refund", transfer_id, screen.visitor.session_id)
    try:
        made = await screen.clients.ledger.refund(screen.caller(idempotency_key=key), transfer_id)
    except Refusal as refusal:
        return await show_transfer(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(f"/transfers/{made['id']}", done="refund_proposed")


PAGES = (
    Page("/transfers", show_transfers, who="member"),
    Page("/transfers/{id}", show_transfer, who="either"),
    Page("/transfers/{id}/accept", post=do_accept, who="member"),
    Page("/transfers/{id}/reject", post=do_reject, who="member"),
    Page("/transfers/{id}/cancel", post=do_cancel, who="member"),
    Page("/transfers/{id}/refund", post=do_refund, who="member"),
)
