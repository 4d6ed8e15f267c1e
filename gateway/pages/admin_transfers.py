"""Transfers as an admin sees them: all of the node, one, cancelling, and one made on a member's behalf."""

import math
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.pages.page import Page
from gateway.pages.pay import amount_as_typed
from gateway.pages.screen import Screen, form_problems
from gateway.pages.transfers import page_number
from libs.common.errors import Problem, Refusal
from libs.common.ids import derived_id
from libs.common.money import AmountError, parse_amount

PAGE_SIZE = 25
_STATUSES = ("initiated", "completed", "cancelled")
_REASON_MAX = 200


async def show_transfers(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    chosen, number, page = (
        screen.query.get("status", ""),
        screen.query.get("number", "").strip()[:30],
        page_number(screen),
    )
    found = await screen.clients.ledger.transfers(
        screen.caller(),
        number=number or None,
        status=[chosen] if chosen in _STATUSES else (),
        page=page,
        page_size=PAGE_SIZE,
    )
    told = urlencode({name: value for name, value in (("status", chosen), ("number", number)) if value})
    return screen.render(
        "admin_transfers.html",
        status=status,
        problems=problems,
        chosen=chosen,
        number=number,
        found=found,
        page=page,
        key=screen.form.text("key") or screen.new_key(),
        pages=max(1, math.ceil(found["total"] / PAGE_SIZE)),
        link="/admin/transfers?" + (told + "&" if told else ""),
    )


async def do_on_behalf(screen: Screen) -> Response:
    """Completes at once, inside the limits, and both are told (LE-17)."""
    form = screen.form
    caller = screen.caller(idempotency_key=form.text("key")[:100] or screen.new_key())
    try:
        amount_minor = parse_amount(amount_as_typed(form.text("amount")))
        made = await screen.clients.ledger.on_behalf(
            caller,
            payer=form.text("payer"),
            payee=form.text("payee"),
            amount_minor=amount_minor,
            description=form.text("description"),
        )
    except AmountError as wrong:
        return await show_transfers(screen, status=400, problems=(Problem(wrong.code, wrong.message, "amount"),))
    except Refusal as refusal:
        return await show_transfers(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(f"/admin/transfers/{made['id']}", done="created")


async def show_transfer(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    transfer = await screen.clients.ledger.transfer(screen.caller(), screen.path_id())
    return screen.render("admin_transfer.html", status=status, problems=problems, transfer=transfer, own=set())


async def do_cancel(screen: Screen) -> Response:
    transfer_id = screen.path_id()
    caller = screen.caller(idempotency_key=derived_id("pages", "cancel", transfer_id, screen.visitor.session_id))
    try:
        await screen.clients.ledger.cancel(caller, transfer_id, reason=screen.form.text("reason")[:_REASON_MAX])
    except Refusal as refusal:
        return await show_transfer(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go(f"/admin/transfers/{transfer_id}", done="cancelled")


PAGES = (
    Page("/admin/transfers", show_transfers, do_on_behalf, who="admin"),
    Page("/admin/transfers/{id}", show_transfer, who="admin"),
    Page("/admin/transfers/{id}/cancel", post=do_cancel, who="admin"),
)
