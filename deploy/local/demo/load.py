"""Loads the demo town: members, tags and proposals through the public API, the past through the ledger's import."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from deploy.local.demo.past import PastTransfer, Trader, past
from deploy.local.demo.town import ADMIN_EMAIL, PASSWORD, Member, members
from deploy.local.progress import Progress
from libs.common.clock import rfc3339
from libs.common.errors import Refusal
from libs.common.money import decimal_text

AT_ONCE = 4
PROPOSALS = 8
ATTEMPTS_MAX = 40

Item = TypeVar("Item")
Made = TypeVar("Made")


class Api(Protocol):
    """The node as the loader needs it: the public API, and the operator's two calls."""

    async def v1(self, method: str, path: str, token: str | None, body: object = None) -> Any:
        """One call of the public API; its `data`. Raises Refusal."""

    async def create_admin(self, email: str, password: str) -> None:
        """As `mccs admin create`; fine when the admin is there already."""

    async def import_past(self, table: bytes) -> Any:
        """The ledger's import of dated transfers (CSV); its report."""


@dataclass(slots=True)
class _Joined:
    member: Member
    entity_id: str
    token: str
    number: str = ""


async def load(api: Api, now: datetime) -> str:
    """Brings the town in, or completes what an earlier load left undone. Returns a sentence for the operator."""
    await api.create_admin(ADMIN_EMAIL, PASSWORD)
    admin = (await api.v1("POST", "/admin/login", None, {"email": ADMIN_EMAIL, "password": PASSWORD}))["token"]
    town = members()
    if await _is_complete(api, admin, town):
        return "The demo community is there already."
    await _categories(api, admin, town)
    with Progress("Demo: members", len(town)) as bar:
        joined = await _each(town, lambda member: _join(api, member), bar)
    with Progress("Demo: decisions", len(joined)) as bar:
        await _each(joined, lambda each: _decide(api, admin, each), bar)
    trading = [each for each in joined if each.member.status == "tradingAccepted"]
    await _trade(api, trading, now)
    return f"The demo community is in: {len(town)} members, {len(trading)} of them trading."


async def _is_complete(api: Api, admin: str, town: Sequence[Member]) -> bool:
    """The last step of a load is the proposals; where they wait, or were answered, all before them is there."""
    try:
        session = await api.v1("POST", "/login", None, {"email": town[0].email, "password": PASSWORD})
    except Refusal:
        return False
    own = await api.v1("GET", "/user/entities", session["token"])
    listed = await api.v1(
        "GET", f"/transfers?status=all&querying_entity_id={own[0]['id']}&page_size=1", session["token"]
    )
    proposed = await api.v1("GET", "/admin/transfers?status=initiated&page_size=1", admin)
    return bool(listed) and bool(proposed)


async def _categories(api: Api, admin: str, town: Sequence[Member]) -> None:
    for name in sorted({category for member in town for category in member.categories}):
        try:
            await api.v1("POST", "/admin/categories", admin, {"name": name})
        except Refusal as refusal:
            if refusal.status != 400:  # there already
                raise


async def _join(api: Api, member: Member) -> _Joined:
    """Signs up; whoever is there already logs in."""
    body = {
        "userEmail": member.email,
        "password": PASSWORD,
        "firstName": member.first_name,
        "lastName": member.last_name,
        "entityEmail": member.email,
        "entityName": member.name,
        "incType": member.inc_type,
        "description": member.description,
        "city": "Alderwick",
        "region": "Vale of Alder",
        "country": "Alderland",
        "offers": list(member.offers),
        "wants": list(member.wants),
        "showTagsMatchedSinceLastLogin": True,
    }
    try:
        made = await api.v1("POST", "/signup", None, body)
    except Refusal as refusal:
        if "email_taken" not in {problem.code for problem in refusal.problems}:
            raise
        session = await api.v1("POST", "/login", None, {"email": member.email, "password": PASSWORD})
        own = await api.v1("GET", "/user/entities", session["token"])
        return _Joined(member, own[0]["id"], session["token"])
    return _Joined(member, made["entityID"], made["token"])


async def _decide(api: Api, admin: str, joined: _Joined) -> _Joined:
    """What the admin decides: status, categories, limits."""
    negative, positive = joined.member.limits()
    change: dict[str, Any] = {"categories": list(joined.member.categories)}
    if joined.member.status != "pending":
        change |= {"status": joined.member.status, "maxNegativeBalance": negative, "maxPositiveBalance": positive}
    entity = await api.v1("PATCH", f"/admin/entities/{joined.entity_id}", admin, change)
    joined.number = entity["accountNumber"]
    return joined


async def _trade(api: Api, trading: Sequence[_Joined], now: datetime) -> None:
    traders = [_trader(each) for each in trading]
    with Progress("Demo: half a year", 1) as bar:
        await api.import_past(_table(list(past(traders, now))))
        bar.step()
    with Progress("Demo: proposals", PROPOSALS) as bar:
        made = 0
        for index in range(ATTEMPTS_MAX):
            if made == PROPOSALS:
                break
            made += await _propose(api, trading, index)
            bar.reach(made)


def _trader(joined: _Joined) -> Trader:
    negative, positive = joined.member.limits()
    return Trader(joined.number, joined.member.offers, negative * 100, positive * 100)


def _table(transfers: Sequence[PastTransfer]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("date", "payer", "payee", "amount", "description"))
    for each in transfers:
        writer.writerow((rfc3339(each.at), each.payer, each.payee, decimal_text(each.amount_minor), each.description))
    return text.getvalue().encode()


async def _propose(api: Api, trading: Sequence[_Joined], index: int) -> int:
    """One proposal, in turn by payers and payees; 1 when it was taken, 0 when a limit refused it.

    The first ones wait for the first member, whom the printed logins name.
    """
    one = trading[(7 * index) % len(trading)]
    other = trading[(11 * index + 5) % len(trading)]
    initiator, receiver = (other, trading[0]) if index < 3 else (one, other)
    if initiator is receiver:
        return 0
    paying = index % 2 == 0
    seller = receiver if paying else initiator
    body = {
        "transfer": "out" if paying else "in",
        "initiator": initiator.number,
        "receiver": receiver.number,
        "amount": 12 + 3 * index,
        "description": seller.member.offers[index % len(seller.member.offers)],
    }
    try:
        await api.v1("POST", "/transfers", initiator.token, body)
    except Refusal as refusal:
        if refusal.status != 400:
            raise
        return 0
    return 1


async def _each(items: Sequence[Item], make: Callable[[Item], Awaitable[Made]], bar: Progress) -> list[Made]:
    """Makes something of each item, a few at once, in their order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Made:
        async with places:
            made = await make(item)
        bar.step()
        return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


@asynccontextmanager
async def only_refusals() -> AsyncIterator[None]:
    """Unwraps the group that several calls at once fail in, to its first refusal."""
    try:
        yield
    except* Refusal as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
