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
from libs.client.mccs_client import AsyncClient, MccsError, Refused
from libs.common.clock import rfc3339
from libs.common.errors import Refusal
from libs.common.money import decimal_text

AT_ONCE = 4
PROPOSALS = 8
ATTEMPTS_MAX = 40

Item = TypeVar("Item")
Made = TypeVar("Made")


class Node(Protocol):
    """The node as the loader needs it: the public API, and the operator's two calls."""

    def client(self) -> AsyncClient:
        """A client of the public API without a token yet."""

    async def create_admin(self, email: str, password: str) -> None:
        """As `mccs admin create`; fine when the admin is there already."""

    async def import_past(self, table: bytes) -> Any:
        """The ledger's import of dated transfers (CSV); its report."""


@dataclass(slots=True)
class _Joined:
    member: Member
    entity_id: str
    client: AsyncClient
    number: str = ""


async def load(node: Node, now: datetime) -> str:
    """Brings the town in, or completes what an earlier load left undone. Returns a sentence for the operator."""
    await node.create_admin(ADMIN_EMAIL, PASSWORD)
    admin = node.client()
    await admin.admin_login(ADMIN_EMAIL, PASSWORD)
    town = members()
    if await _is_complete(node, admin, town):
        return "The demo community is there already."
    await _categories(admin, town)
    with Progress("Demo: members", len(town)) as bar:
        joined = await _each(town, lambda member: _join(node, member), bar)
    with Progress("Demo: decisions", len(joined)) as bar:
        await _each(joined, lambda each: _decide(admin, each), bar)
    trading = [each for each in joined if each.member.status == "tradingAccepted"]
    await _trade(node, trading, now)
    return f"The demo community is in: {len(town)} members, {len(trading)} of them trading."


async def _is_complete(node: Node, admin: AsyncClient, town: Sequence[Member]) -> bool:
    """The last step of a load is the proposals; where they wait, or were answered, all before them is there."""
    first = node.client()
    try:
        await first.login(town[0].email, PASSWORD)
    except Refused:
        return False
    own = await first.my_entities()
    listed = await first.transfers(own[0]["id"], page_size=1)
    proposed = await admin.admin_transfers(status="initiated", page_size=1)
    return bool(listed.items) and bool(proposed.items)


async def _categories(admin: AsyncClient, town: Sequence[Member]) -> None:
    for name in sorted({category for member in town for category in member.categories}):
        try:
            await admin.create_category(name)
        except Refused as refused:
            if refused.status != 400:  # there already
                raise


async def _join(node: Node, member: Member) -> _Joined:
    """Signs up; whoever is there already logs in."""
    client = node.client()
    try:
        made = await client.signup(
            member.email,
            PASSWORD,
            first_name=member.first_name,
            last_name=member.last_name,
            entity_name=member.name,
            entity_email=member.email,
            inc_type=member.inc_type,
            description=member.description,
            city="Alderwick",
            region="Vale of Alder",
            country="Alderland",
            offers=list(member.offers),
            wants=list(member.wants),
            show_tags_matched_since_last_login=True,
        )
    except Refused as refused:
        if "email_taken" not in {problem.code for problem in refused.problems}:
            raise
        await client.login(member.email, PASSWORD)
        return _Joined(member, (await client.my_entities())[0]["id"], client)
    return _Joined(member, made["entity_id"], client)


async def _decide(admin: AsyncClient, joined: _Joined) -> _Joined:
    """What the admin decides: status, categories, limits."""
    negative, positive = joined.member.limits()
    change: dict[str, Any] = {"categories": list(joined.member.categories)}
    if joined.member.status != "pending":
        change |= {
            "status": joined.member.status,
            "max_negative_balance": negative,
            "max_positive_balance": positive,
        }
    entity = await admin.admin_update_entity(joined.entity_id, **change)
    joined.number = entity["account_number"]
    return joined


async def _trade(node: Node, trading: Sequence[_Joined], now: datetime) -> None:
    traders = [_trader(each) for each in trading]
    with Progress("Demo: half a year", 1) as bar:
        await node.import_past(_table(list(past(traders, now))))
        bar.step()
    with Progress("Demo: proposals", PROPOSALS) as bar:
        made = 0
        for index in range(ATTEMPTS_MAX):
            if made == PROPOSALS:
                break
            made += await _propose(trading, index)
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


async def _propose(trading: Sequence[_Joined], index: int) -> int:
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
    try:
        await initiator.client.propose(
            "out" if paying else "in",
            initiator=initiator.number,
            receiver=receiver.number,
            amount=12 + 3 * index,
            description=seller.member.offers[index % len(seller.member.offers)],
        )
    except Refused as refused:
        if refused.status != 400:
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
    """Turns whatever stopped a load into one refusal: several calls at once fail in a group."""
    try:
        yield
    except* (Refusal, MccsError) as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if isinstance(first, Refusal):
            raise first from None
        raise Refusal.of(502, "demo_stopped", str(first)) from None
