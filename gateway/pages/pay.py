"""Pay and request in three steps: whom, how much and for what, confirm. Then the receipt is the transfer's own page.

The steps before the last change nothing, so they are plain links and GET forms: going back and forth is safe. The key
against paying twice is made with the second step and travels with the form until it is used.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.clients.directory import Entity
from gateway.clients.ledger_shapes import AccountJson, Direction, NewTransfer, PreviewJson, TransferJson
from gateway.clients.matcher import Search
from gateway.pages.gather import Part, part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal
from libs.common.money import AmountError, parse_amount

_FOUND_MAX = 12
_RECENT_MAX = 30
_SHOWN_MAX = 8
_TEXT_MAX = 500


def _direction(screen: Screen) -> Direction:
    return "in" if screen.request.url.path.startswith("/request") else "out"


def _base(direction: Direction) -> str:
    return "/request" if direction == "in" else "/pay"


async def show_whom(screen: Screen) -> Response:
    """Step 1: search by name, favourites, and those of the latest transfers."""
    acting, direction = await screen.acting(), _direction(screen)
    q = screen.query.get("q", "").strip()[:100]
    found, favourites, recent = await asyncio.gather(
        part_of(_search(screen, acting, q)),
        part_of(screen.clients.directory.favorites(screen.caller(), acting["id"], page_size=_SHOWN_MAX)),
        part_of(_recent(screen, acting)),
    )
    return screen.render(
        "pay_whom.html",
        acting=acting,
        direction=direction,
        base=_base(direction),
        q=q,
        found=found,
        favourites=_tradable((favourites.value or {"items": []})["items"], acting),
        recent=_tradable(recent.value or [], acting),
    )


def _tradable(entities: list[Entity], acting: Entity) -> list[Entity]:
    return [entity for entity in entities if entity["may_trade"] and entity["id"] != acting["id"]]


async def _search(screen: Screen, acting: Entity, q: str) -> list[Entity]:
    if not q:
        return []
    result = await screen.clients.matcher.search(screen.own_caller(), Search(name=q, page_size=_FOUND_MAX))
    if not result["ids"]:
        return []
    return await screen.clients.directory.fetch(screen.caller(), result["ids"], viewer_entity_id=acting["id"])


async def _recent(screen: Screen, acting: Entity) -> list[Entity]:
    latest = await screen.clients.ledger.transfers(screen.caller(), entity_id=acting["id"], page_size=_RECENT_MAX)
    others = (party["entity_id"] for item in latest["items"] for party in (item["payer"], item["payee"]))
    ids = list(dict.fromkeys(each for each in others if each and each != acting["id"]))[:_SHOWN_MAX]
    if not ids:
        return []
    return await screen.clients.directory.fetch(screen.caller(), ids, viewer_entity_id=acting["id"])


@dataclass(frozen=True, slots=True)
class Deal:
    """What is about to be proposed, as far as it is known."""

    direction: Direction
    acting: Entity
    other: Entity
    account: Part[AccountJson]
    other_number: Part[str]
    amount: str
    text: str
    key: str

    def link(self, step: str = "") -> str:
        """The address of a step with what was entered so far."""
        told = {"amount": self.amount, "text": self.text, "key": self.key}
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{_base(self.direction)}/{self.other['id']}{step}?{query}"


async def _deal(screen: Screen) -> Deal:
    """From the query of a step, or from the form of the last one."""
    acting, entity_id = await screen.acting(), screen.path_id()
    caller = screen.caller()
    other, account, number = await asyncio.gather(
        screen.clients.directory.entity(caller, entity_id, viewer_entity_id=acting["id"]),
        part_of(screen.clients.ledger.account(caller, acting["id"])),
        part_of(_number_of(screen, entity_id)),
    )
    posted = screen.request.method == "POST"
    said = screen.form.text if posted else lambda name: screen.query.get(name, "").strip()
    return Deal(
        direction=_direction(screen),
        acting=acting,
        other=other,
        account=account,
        other_number=number,
        amount=said("amount")[:40],
        text=said("text")[:_TEXT_MAX],
        key=said("key")[:100] or screen.new_key(),
    )


async def _number_of(screen: Screen, entity_id: str) -> str:
    found = await screen.clients.ledger.accounts_by_entity(screen.caller(), [entity_id])
    if not found:
        raise Refusal.of(404, "unknown_account", "This member has no account yet.")
    return found[0]["number"]


async def show_amount(screen: Screen) -> Response:
    """Step 2: how much and for what. A payment link may have filled it in."""
    return _amount_page(screen, await _deal(screen))


def _amount_page(screen: Screen, deal: Deal, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    return screen.render(
        "pay_amount.html",
        status=status,
        acting=deal.acting,
        deal=deal,
        base=_base(deal.direction),
        problems=problems,
    )


async def show_confirm(screen: Screen) -> Response:
    """Step 3: who gives, who receives, and what would be left of mine."""
    deal = await _deal(screen)
    try:
        preview = await screen.clients.ledger.preview(screen.caller(), _transfer(deal))
    except AmountError as wrong:
        return _amount_page(screen, deal, (Problem(wrong.code, wrong.message, "amount"),), 400)
    except Refusal as refusal:
        return _amount_page(screen, deal, form_problems(refusal), 400)
    return _confirm_page(screen, deal, preview)


def _confirm_page(
    screen: Screen, deal: Deal, preview: PreviewJson, problems: tuple[Problem, ...] = (), status: int = 200
) -> Response:
    values: dict[str, Any] = {"deal": deal, "preview": preview, "acting": deal.acting, "base": _base(deal.direction)}
    return screen.render("pay_confirm.html", status=status, problems=problems, **values)


def _transfer(deal: Deal) -> NewTransfer:
    """Raises AmountError for an amount that is none, Refusal 503 where the ledger is away."""
    if deal.account.value is None or deal.other_number.value is None:
        raise Refusal.of(503, "service_away", "Accounts are away just now.", retry_after_s=5)
    return NewTransfer(
        direction=deal.direction,
        initiator=deal.account.value["number"],
        receiver=deal.other_number.value,
        amount_minor=parse_amount(amount_as_typed(deal.amount)),
        description=deal.text,
    )


def amount_as_typed(text: str) -> str:
    """What people type as a plain decimal: `12,50` and `12.5` are the same, blanks between digits fall away.

    Where both signs stand, the last one is the decimal point. A single comma before exactly three digits is refused by
    the reader of amounts (three decimals), so nobody pays 1.234 who meant 1234.
    """
    packed = "".join(character for character in text if not character.isspace() and character not in "'\u2019")
    comma, point = packed.rfind(","), packed.rfind(".")
    if comma >= 0 and point >= 0:
        thousands = "," if point > comma else "."
        packed = packed.replace(thousands, "")
    return packed.replace(",", ".")


async def do_propose(screen: Screen) -> Response:
    """Sends the proposal. Pressing twice, or going back and pressing again, finds the first outcome by its key."""
    deal = await _deal(screen)
    try:
        transfer = _transfer(deal)
        made = await screen.clients.ledger.propose(screen.caller(idempotency_key=deal.key), transfer)
    except AmountError as wrong:
        return _amount_page(screen, deal, (Problem(wrong.code, wrong.message, "amount"),), 400)
    except Refusal as refusal:
        return _amount_page(screen, deal, form_problems(refusal), 400)
    return screen.go(_receipt(made))


def _receipt(made: TransferJson) -> str:
    return f"/transfers/{made['id']}?receipt=1"


PAGES = (
    Page("/pay", show_whom, who="member"),
    Page("/request", show_whom, who="member"),
    Page("/pay/{id}", show_amount, do_propose, who="member"),
    Page("/request/{id}", show_amount, do_propose, who="member"),
    Page("/pay/{id}/confirm", show_confirm, who="member"),
    Page("/request/{id}/confirm", show_confirm, who="member"),
)
