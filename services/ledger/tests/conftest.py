"""A ledger for tests: a migrated database of its own, the service over its real routes, people with tokens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio

from libs.common.auth import Principal
from libs.common.bus.port import DeadLetter, Handler
from libs.common.clock import utc_now
from libs.common.database import OwnConnection, connect
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.service import Wiring
from services.ledger.app import LedgerService, build, migrate
from services.ledger.settings import Settings


class FakeVerifier:
    """Tokens are names; whoever is not known is refused."""

    def __init__(self) -> None:
        self.people: dict[str, Principal] = {}

    async def verify(self, token: str) -> Principal:
        if token not in self.people:
            raise Refusal.of(401, "token_invalid", "The token is not valid; log in again.")
        return self.people[token]

    def forget_session(self, session_id: str, until: datetime) -> None:
        return


@dataclass
class FakeBus:
    """Keeps what was published; hands out what a test tells."""

    published: list[Envelope] = field(default_factory=list)
    handlers: dict[str, Handler] = field(default_factory=dict)

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        self.published.extend(envelopes)
        return {envelope.id for envelope in envelopes}

    async def subscribe(self, service: str, handlers: dict[str, Handler]) -> None:
        self.handlers = handlers

    async def listen(self, handlers: dict[str, Handler], *, on_connected: Any) -> None:
        return

    async def dead(self, service: str, *, limit: int = 100) -> list[DeadLetter]:
        return []

    async def replay(self, service: str, ids: Sequence[str]) -> int:
        return 0

    async def drop(self, service: str, ids: Sequence[str]) -> int:
        return 0

    async def healthy(self) -> bool:
        return True


@dataclass
class Member:
    """An entity with its owner and its account."""

    entity_id: str
    user_id: str
    number: str
    name: str

    @property
    def token(self) -> str:
        return self.user_id


class Node:
    """One ledger service over its real routes, and a superuser's connection beside it."""

    def __init__(
        self, service: LedgerService, verifier: FakeVerifier, bus: FakeBus, owner: OwnConnection, settings: Settings
    ) -> None:
        self.service = service
        self.verifier = verifier
        self.bus = bus
        self.owner = owner
        self.settings = settings
        transport = httpx2.ASGITransport(app=service.api)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://ledger")
        verifier.people["admin"] = Principal("user", "admin-user", role="admin", session_id="s")
        for name in ("gateway", "operator", "matcher"):
            verifier.people[name] = Principal("service", name, role="service")

    @property
    def ledger(self) -> Any:
        assert self.service.ledger is not None
        return self.service.ledger

    async def call(
        self, method: str, path: str, token: str | None = None, body: Any = None, **options: Any
    ) -> tuple[int, Any]:
        """Status and parsed body. `key`: an Idempotency-Key; `raw`: the body as it stands; `query`."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if options.get("key") is not None:
            headers["Idempotency-Key"] = options["key"]
        content = options.get("raw", b"" if body is None else orjson.dumps(body))
        answer = await self.http.request(
            method,
            path,
            content=content,
            params=options.get("query"),
            headers=headers | {"Content-Type": options.get("content_type", "application/json")},
        )
        return answer.status_code, orjson.loads(answer.content) if answer.content else None

    async def member(
        self, name: str = "Bakery", *, low: int = -50000, high: int = 50000, trades: bool = True
    ) -> Member:
        """A member that trades within these limits."""
        entity_id, user_id = new_id(), new_id()
        self.verifier.people[user_id] = Principal("user", user_id, session_id=new_id())
        status, account = await self.call(
            "PUT", f"/accounts/{entity_id}", "gateway", {"name": name, "owner_user_id": user_id}
        )
        assert status == 200, account
        limits = {"max_negative_minor": -low, "max_positive_minor": high, "reason": "test"}
        assert (await self.call("PUT", f"/accounts/{entity_id}/limits", "admin", limits))[0] == 200
        if trades:
            standing = {"status": "tradingAccepted", "may_trade": True}
            assert (await self.call("PUT", f"/accounts/{entity_id}/standing", "gateway", standing))[0] == 200
        return Member(entity_id, user_id, account["number"], name)

    async def propose(
        self,
        payer: Member,
        payee: Member,
        amount: int,
        *,
        by: str = "payer",
        key: str | None = None,
        text: str = "bread",
    ) -> tuple[int, Any]:
        one, other = (payer, payee) if by == "payer" else (payee, payer)
        body = {
            "direction": "out" if by == "payer" else "in",
            "initiator": one.number,
            "receiver": other.number,
            "amount_minor": amount,
            "description": text,
        }
        return await self.call("POST", "/transfers", one.token, body, key=key)

    async def act(self, verb: str, transfer_id: str, who: Member, *, key: str | None = None) -> tuple[int, Any]:
        return await self.call("POST", f"/transfers/{transfer_id}/{verb}", who.token, {}, key=key)

    async def pay(self, payer: Member, payee: Member, amount: int) -> dict[str, Any]:
        """A completed two-step payment."""
        status, proposed = await self.propose(payer, payee, amount)
        assert status == 201, proposed
        status, accepted = await self.act("accept", proposed["id"], payee)
        assert status == 200, accepted
        found: dict[str, Any] = accepted
        return found

    async def balance(self, member: Member) -> int:
        status, account = await self.call("GET", f"/accounts/{member.entity_id}", member.token)
        assert status == 200, account
        return int(account["balance_minor"])

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of everything in the outbox and on the bus, in order."""
        # a published event may lie in the outbox for a moment longer: each counts once
        rows = await self.owner.fetch("select id, type, data from outbox order by position")
        published = {e.id: (e.type, e.data) for e in self.bus.published}
        return list((published | {row["id"]: (row["type"], row["data"]) for row in rows}).values())

    async def told_types(self) -> list[str]:
        return [type_ for type_, _ in await self.told() if not type_.endswith(".audit.recorded.v1")]

    async def assert_sound(self) -> None:
        """Zero sum, limits, holds against reservations, balances against entries."""
        faults = await self.owner.fetch(
            """
            select 'sum' as what from account having sum(balance) <> 0
            union all select 'limits' from account where balance > max_balance or balance - held_out < min_balance
            union all select 'held ' || a.number from account a
              where a.held_out <> coalesce((select sum(h.reserved) from hold h where h.payer = a.id), 0)
                + coalesce((select sum(c.reserved) from group_consent c where c.account_id = a.id and exists (
                    select from transfer t join hold h on h.transfer_id = t.id where t.group_id = c.group_id)), 0)
            union all select 'balance ' || a.number from account a
              where a.balance <> coalesce((select sum(e.amount) from entry e where e.account_id = a.id), 0)
                 or a.seq <> (select count(*) from entry e where e.account_id = a.id)
            union all select 'running ' || account_id from (
              select account_id, balance_after, sum(amount) over (partition by account_id order by seq) as s from entry) r
              where r.balance_after <> r.s
            union all select 'legs ' || t.id from transfer t join resolution r on r.transfer_id = t.id
              where (r.kind = 'completed') <> ((select count(*) from entry e where e.transfer_id = t.id) = 2)
            union all select 'open ' || t.id from transfer t
              where not exists (select from resolution r where r.transfer_id = t.id) and t.kind <> 'fee'
                and not exists (select from hold h where h.transfer_id = t.id)
            """
        )
        assert [row[0] for row in faults] == []


@pytest.fixture
def settings_changes() -> dict[str, Any]:
    """What a test's ledger is told besides; a module overrides this."""
    return {}


@pytest_asyncio.fixture
async def ledger_url(postgres_from: Callable[..., Any]) -> str:
    """A migrated database of this test's own."""

    async def prepare(url: str) -> None:
        await migrate(Settings(ledger_url=url))

    url: str = await postgres_from("ledger", prepare)
    return url


def settings_of(url: str, **changes: Any) -> Settings:
    given: dict[str, Any] = {"ledger_url": url, "ledger_accept_unsafe_server": True, "ledger_clock_s": 0.2}
    return Settings(**(given | changes))


@pytest_asyncio.fixture
async def node(ledger_url: str, settings_changes: dict[str, Any]) -> AsyncIterator[Node]:
    """A ledger with its routes and without relay; `started_node` adds the worker."""
    async for running in _run(ledger_url, "api", settings_changes):
        yield running


@pytest_asyncio.fixture
async def whole_node(ledger_url: str, settings_changes: dict[str, Any]) -> AsyncIterator[Node]:
    """A ledger with routes, relay, consumers and clock."""
    async for running in _run(ledger_url, "both", settings_changes):
        yield running


async def _run(url: str, role: Any, changes: dict[str, Any]) -> AsyncIterator[Node]:
    settings = settings_of(url, **changes)
    verifier, bus = FakeVerifier(), FakeBus()
    service = build(settings, Wiring(bus=bus, peers=None, verifier=verifier, clock=utc_now))  # type: ignore[arg-type]
    owner = await connect(url)
    await service.start(role)
    node = Node(service, verifier, bus, owner, settings)
    try:
        yield node
    finally:
        await node.http.aclose()
        await service.stop()
        await owner.close()


def an_envelope(event: Any, *, subject: str, sequence: int, id: str | None = None) -> Envelope:  # noqa: A002
    """An event on its way."""
    envelope: Envelope = event.envelope(subject=subject, sequence=sequence, time=utc_now())
    return replace(envelope, id=id or new_id())


async def at_once(*work: Any) -> list[Any]:
    """Results of all, in order, or the exceptions they raised."""
    return list(await asyncio.gather(*work, return_exceptions=True))
