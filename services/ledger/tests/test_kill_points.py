"""SIGKILL at the three points where something is done and not yet told: told again, it is done once."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from libs.common.bus.port import Bus
from libs.common.contracts.directory import EntityRegisteredV1
from libs.common.database import create_pool, transaction
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.outbox import OUTBOX_SQL, PostgresOutbox, add
from libs.common.relay import Relay
from libs.common.testing import eventually
from libs.common.tests.doors import Door, opened
from services.ledger.bench.identity import Identity
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.inbox import Heard
from services.ledger.tests.conftest import Node, an_envelope
from services.ledger.tests.dying import OPENING, listening

CLIENTS = 6
EACH = 4
ROOT = Path(__file__).parents[3]
Dying = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def postgres_server(embedded_postgres: EmbeddedPostgres) -> str:
    """One server is enough: what is killed is the ledger."""
    return embedded_postgres.url("postgres")


@pytest.fixture
def dying() -> Iterator[Dying]:
    """Starts a process that will die at a point; none is left behind."""
    started = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "services.ledger.tests.dying", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


async def last_words(process: subprocess.Popen[str]) -> str:
    """What it printed; it must have died by SIGKILL."""
    said, _ = await asyncio.wait_for(asyncio.to_thread(process.communicate), 30)
    assert process.returncode == -signal.SIGKILL
    return said.strip()


@dataclass
class Client:
    """Asks the copy of the service that will die, and repeats what got no answer at the other copy."""

    node: Node
    copy: httpx2.AsyncClient
    identity: Identity
    unanswered: int = 0
    replayed: int = 0

    async def ask(self, path: str, person: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        principal = self.node.verifier.people[person]
        token = self.identity.token(principal.id, principal.role)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        try:
            answer = await self.copy.post(path, json=body, headers=headers)
            status, told = answer.status_code, answer.json()
        except httpx2.HTTPError:
            self.unanswered += 1
            status, told = await self.node.call("POST", path, person, body, key=key)
            again = await self.node.call("POST", path, person, body, key=key)
            assert again[1]["id"] == told["id"]
            self.replayed += bool(told.get("replayed"))
        assert status in (200, 201), told
        found: dict[str, Any] = told
        return found


@pytest_asyncio.fixture
async def client(node: Node, ledger_url: str, dying: Dying, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """Against a second copy of the service that dies after a few calls of an operation."""
    seed = random.SystemRandom().randrange(10**9)
    at_call = random.Random(seed).randint(1, EACH)
    print(f"seed {seed}: dies in call {at_call}")  # noqa: T201
    identity = Identity()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = dying(
        "before_answer",
        request.param,
        str(at_call),
        BENCH_PORT=port,
        MCCS_LEDGER_URL=ledger_url,
        MCCS_IDENTITY_API_URL=identity.url,
        MCCS_LEDGER_ACCEPT_UNSAFE_SERVER="true",
        MCCS_LOG_LEVEL="error",
    )
    assert process.stdout is not None
    assert (await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 30)).strip() == "ready"
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as copy:
        client = Client(node, copy, identity)
        yield client
    identity.close()
    committed = int(await last_words(process))
    assert client.unanswered >= committed > 0
    assert client.replayed == committed


@pytest.mark.parametrize("client", ["pay"], indirect=True)
async def test_a_payment_committed_and_never_answered_is_found_done(client: Client) -> None:
    node = client.node
    members = [await node.member(f"Member {i}") for i in range(CLIENTS * 2)]

    async def pays(i: int) -> list[str]:
        body = {"payer": members[i].number, "payee": members[i + CLIENTS].number, "amount_minor": 7, "description": "x"}
        return [(await client.ask("/transfers/on-behalf", "admin", body, f"{i}-{n}"))["id"] for n in range(EACH)]

    paid = [one for several in await asyncio.gather(*(pays(i) for i in range(CLIENTS))) for one in several]
    booked = await node.owner.fetch("select id::text from transfer")
    assert sorted(row["id"] for row in booked) == sorted(paid)
    assert len(set(paid)) == CLIENTS * EACH
    assert {await node.balance(member) for member in members[:CLIENTS]} == {-7 * EACH}
    await node.assert_sound()


@pytest.mark.parametrize("client", ["accept"], indirect=True)
async def test_an_acceptance_committed_and_never_answered_is_found_done(client: Client) -> None:
    node = client.node
    payer, payee = await node.member("Payer"), await node.member("Payee")
    proposed = [(await node.propose(payer, payee, 7))[1]["id"] for _ in range(CLIENTS * EACH)]

    async def accepts(i: int) -> None:
        for one in proposed[i::CLIENTS]:
            accepted = await client.ask(f"/transfers/{one}/accept", payee.token, {}, f"accept {one}")
            assert (accepted["id"], accepted["status"]) == (one, "completed")

    await asyncio.gather(*(accepts(i) for i in range(CLIENTS)))
    assert await node.owner.fetchval("select count(*) from entry") == 2 * CLIENTS * EACH
    assert await node.balance(payer) == -7 * CLIENTS * EACH
    await node.assert_sound()


class Listening(Heard):
    """The ledger's ear; remembers what became of each message."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool, **OPENING)  # type: ignore[arg-type]
        self.codes: list[tuple[str, str]] = []

    async def registered(self, envelope: Envelope, **values: Any) -> str:
        code = await super().registered(envelope, **values)
        self.codes.append((envelope.id, code))
        return code


@pytest_asyncio.fixture
async def door(amqp_url: str) -> AsyncIterator[Door]:
    async with opened(Door("rabbit", amqp_url)) as made:
        yield made


@pytest_asyncio.fixture
async def bus(door: Door) -> Bus:
    return await door.process(topology={door.type: (door.service,)})


@pytest_asyncio.fixture
async def ear(ledger_url: str) -> AsyncIterator[Listening]:
    pool = await create_pool(ledger_url, role=SERVICE_ROLE)
    yield Listening(pool)
    await asyncio.wait_for(pool.close(), 5)


def registrations(door: Door, count: int) -> list[Envelope]:
    """Entities registered, under a type of this test's own."""
    told = []
    for _ in range(count):
        entity = new_id()
        event = EntityRegisteredV1(entity_id=entity, name="B", email="", status="pending", owner_user_id="u")
        told.append(replace(an_envelope(event, subject=entity, sequence=1), type=door.type))
    return told


async def effects(node: Node) -> tuple[int, int, int]:
    """Accounts opened, events told of it, messages remembered."""
    opened_ = "select count(*) from account where kind = 'member'"
    told = "select count(*) from outbox where type = 'ledger.account.opened.v1'"
    row = await node.owner.fetchrow(f"select ({opened_}), ({told}), (select count(*) from inbox)")
    assert row is not None
    return row[0], row[1], row[2]


async def test_events_published_and_not_forgotten_are_told_again_and_heard_once(
    node: Node, door: Door, bus: Bus, ear: Listening, postgres_on_embedded: str, dying: Dying
) -> None:
    events = registrations(door, 3)
    outbox = await create_pool(postgres_on_embedded)
    await outbox.execute(OUTBOX_SQL)
    async with transaction(outbox) as connection:
        await add(connection, events)
    assert await last_words(dying("before_delete", postgres_on_embedded, door.url, door.service, door.type)) == "3"
    assert await outbox.fetchval("select count(*) from outbox") == 3

    await bus.subscribe(door.service, listening(ear, door.type))
    await eventually(lambda: len(ear.codes) == 3)
    assert {code for _, code in ear.codes} == {"ok"}

    async def all_forgotten() -> bool:  # the dead relay's rows are locked until the server has noticed
        await Relay(PostgresOutbox(outbox), bus).drain()
        return bool(await outbox.fetchval("select not exists (select from outbox)"))

    await eventually(all_forgotten)
    await eventually(lambda: len(ear.codes) == 6)
    assert sorted(ear.codes[3:]) == sorted((event.id, "heard") for event in events)
    assert await effects(node) == (3, 3, 3)
    await asyncio.wait_for(outbox.close(), 5)


async def test_an_event_committed_and_not_acknowledged_is_delivered_again_and_has_one_effect(
    node: Node, door: Door, bus: Bus, ear: Listening, ledger_url: str, dying: Dying
) -> None:
    [event] = registrations(door, 1)
    assert await bus.publish([event]) == {event.id}
    assert await last_words(dying("before_ack", ledger_url, door.url, door.service, door.type)) == "ok"
    assert await effects(node) == (1, 1, 1)

    await bus.subscribe(door.service, listening(ear, door.type))
    await eventually(lambda: ear.codes == [(event.id, "heard")])
    assert await effects(node) == (1, 1, 1)
    assert await bus.dead(door.service) == []
