"""Webhooks: who may have them, what they are told and how, what happens when nobody answers, and where they may not go."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from libs.common.contracts import directory, ledger
from libs.common.contracts.notifier import AuditRecordedV1
from libs.common.errors import Refusal
from services.notifier import webdoor
from services.notifier.consumers import handlers
from services.notifier.service import webhooks
from services.notifier.service.deps import Reader
from services.notifier.store.webhooks import claim_deliveries
from services.notifier.tests import events
from services.notifier.tests.conftest import Bench
from services.notifier.tests.events import ROSA, told
from services.notifier.webdoor import HookRefused, PublicResolver, WebDoor, problem_of

OWNER, ADMIN = Reader("u1"), Reader("a1", is_operator=True)


@dataclass
class Program:
    """Somebody's program that takes deliveries; `answers` are given first."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        return self.answers.pop(0) if self.answers else web.Response()


@pytest_asyncio.fixture
async def program() -> AsyncIterator[Program]:
    found = Program()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


@pytest_asyncio.fixture
async def door() -> AsyncIterator[WebDoor]:
    found = WebDoor(timeout_s=5, allow_private=True)
    yield found
    await found.close()


async def hear(bench: Bench, *envelopes: Any) -> None:
    for envelope in envelopes:
        await handlers(bench.deps)[envelope.type](envelope)


async def add(
    bench: Bench, url: str, *kinds: str, reader: Reader = OWNER, entity: str | None = ROSA
) -> tuple[str, str]:
    await hear(bench, events.membership())
    made, secret = await webhooks.add_webhook(bench.deps, reader, entity_id=entity, url=url, kinds=kinds)
    return made.id, secret


async def test_a_program_is_told_what_its_entity_is_told_and_can_check_who_says_so(bench: Bench, program, door):
    _, secret = await add(bench, program.url)
    envelope = events.proposed()
    await hear(bench, envelope, envelope)
    await asyncio.gather(*(webhooks.deliver_due(bench.deps, door) for _ in range(3)))
    [(headers, body)] = program.taken
    shape = json.loads(body)
    assert (shape["type"], shape["entity_id"]) == ("transfer_proposed", ROSA)
    assert (shape["data"]["amount_minor"], shape["data"]["unit"]) == (1050, "CR")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    prefix, key = secret[:6], base64.b64decode(secret[6:], validate=True)
    assert (prefix, len(key)) == ("whsec_", 32)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert await webhooks.deliver_due(bench.deps, door) == 0


async def test_nobody_else_is_told(bench: Bench, program, door):
    await add(bench, program.url, "status_decided")
    await hear(bench, events.proposed(), events.completed(), events.user_registered())
    assert await webhooks.deliver_due(bench.deps, door) == 0
    await hear(bench, told(directory.EntityStatusChangedV1(
        entity_id=ROSA, name="Rosa", email="a@b.c", old="pending", new="accepted", listed=True, may_trade=False
    )))  # fmt: skip
    assert await webhooks.deliver_due(bench.deps, door) == 1


async def test_the_operators_program_hears_alarms(bench: Bench, program, door):
    await add(bench, program.url, reader=ADMIN, entity=None)
    await hear(
        bench, told(ledger.BooksBrokenV1(check="sum", detail="off by 1", account_numbers=["1"])), events.proposed()
    )
    await webhooks.deliver_due(bench.deps, door)
    assert [json.loads(body)["type"] for _, body in program.taken] == ["books_broken"]


async def test_who_does_not_answer_is_told_again_with_the_same_id_and_given_up_in_the_end(bench: Bench, program, door):
    hook, _ = await add(bench, program.url)
    await hear(bench, events.proposed())
    program.answers = [web.Response(status=status) for status in (500, 302, 404, *[503] * 9)]
    for _ in range(12):
        assert await webhooks.deliver_due(bench.deps, door) == 1
        assert await webhooks.deliver_due(bench.deps, door) == 0
        bench.clock.move(hours=4)
    assert await webhooks.deliver_due(bench.deps, door) == 0
    assert len({headers["webhook-id"] for headers, _ in program.taken}) == 1
    [listed] = await webhooks.list_webhooks(bench.deps, OWNER, entity_id=ROSA)
    assert (listed.id, listed.active) == (hook, False)
    await hear(bench, events.proposed(transfer_id="t2"))
    assert await webhooks.deliver_due(bench.deps, door) == 0


async def test_only_owners_and_admins_have_webhooks(bench: Bench, program):
    await hear(bench, events.membership("u2", role="member"))
    hook, _ = await add(bench, program.url)
    for reader, entity in ((Reader("u2"), ROSA), (Reader("u9"), ROSA), (OWNER, None), (ADMIN, ROSA), (OWNER, "other")):
        for work in (
            webhooks.list_webhooks(bench.deps, reader, entity_id=entity),
            webhooks.add_webhook(bench.deps, reader, entity_id=entity, url=program.url, kinds=[]),
        ):
            with pytest.raises(Refusal) as caught:
                await work
            assert caught.value.status == 403
    for reader, name in ((Reader("u2"), hook), (ADMIN, hook), (OWNER, "unknown")):
        with pytest.raises(Refusal) as caught:
            await webhooks.remove_webhook(bench.deps, reader, name)
        assert caught.value.status == 403
    await webhooks.remove_webhook(bench.deps, OWNER, hook)
    assert await webhooks.list_webhooks(bench.deps, OWNER, entity_id=ROSA) == []


async def lines(bench: Bench) -> list[dict[str, Any]]:
    rows = await bench.rows("select type, data from outbox order by position")
    return [row["data"] for row in rows if row["type"] == AuditRecordedV1.TYPE]


async def test_the_activity_log_hears_of_programs_and_never_their_secrets(bench: Bench, program, door):
    hook, secret = await add(bench, f"{program.url}?key=of-the-program", "transfer_proposed")
    nodes_own, other_secret = await add(bench, program.url, reader=Reader("a1", True, "admin"), entity=None)
    with pytest.raises(Refusal):
        await webhooks.remove_webhook(bench.deps, OWNER, nodes_own)
    await hear(bench, events.proposed())
    program.answers = [web.Response(status=500) for _ in range(12)]
    for _ in range(12):
        await webhooks.deliver_due(bench.deps, door)
        bench.clock.move(hours=4)
    await webhooks.remove_webhook(bench.deps, OWNER, hook)
    told = await lines(bench)
    assert [(line["action"], line["category"], line["actor_id"], line["entity_id"]) for line in told] == [
        ("webhook.added", "user", "u1", ROSA),
        ("webhook.added", "admin", "a1", None),
        ("webhook.switched_off", "system", None, ROSA),
        ("webhook.removed", "user", "u1", ROSA),
    ]
    added, _, off, removed = told
    origin = program.url.removesuffix("/hook")
    whole = {"program": origin, "kinds": ["transfer_proposed"], "active": True}
    assert (added["before"], added["after"]) == (None, whole)
    assert (off["before"], off["after"]) == ({"active": True}, {"active": False})
    assert (removed["before"], removed["after"]) == (whole | {"active": False}, None)
    text = json.dumps(told)
    assert not [word for word in (secret, other_secret, "of-the-program") if word in text]


async def test_there_is_a_bound_and_kinds_must_be_known(bench: Bench, program):
    for _ in range(webhooks.WEBHOOKS_MAX):
        await add(bench, program.url)
    with pytest.raises(Refusal) as caught:
        await add(bench, program.url)
    assert caught.value.status == 409
    with pytest.raises(Refusal) as caught:
        await add(bench, "nothing", "password_reset", "nothing")
    assert [problem.field for problem in caught.value.problems] == ["kinds.0", "kinds.1", "url"]


async def test_what_waits_for_a_deleted_entity_is_not_told(bench: Bench, program, door):
    await add(bench, program.url)
    await hear(bench, events.proposed(), told(directory.EntityDeletedV1(entity_id=ROSA, name="Rosa"), subject=ROSA))
    assert await webhooks.deliver_due(bench.deps, door) == 0


async def test_a_delivery_of_a_dead_process_is_made_by_another_one(bench: Bench, program, door):
    await add(bench, program.url)
    await hear(bench, events.proposed())
    async with bench.pool.acquire() as connection:
        taken = await claim_deliveries(
            connection, "dead", now=bench.clock(), until=bench.clock() + timedelta(seconds=40), limit=5
        )
    assert len(taken) == 1
    assert await webhooks.deliver_due(bench.deps, door) == 0
    bench.clock.move(seconds=40)
    assert await webhooks.deliver_due(bench.deps, door) == 1


# --- where they may not go -------------------------------------------------------------------------------------------------

PRIVATE = [
    "https://127.0.0.1/",
    "https://localhost/",
    "https://10.0.0.1/x",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://0.0.0.0/",
    "https://100.64.0.1/",
]
WRONG = ["", "x", "ftp://example.org/", "https://", "https://user:secret@example.org/", "https://a\nb/", "https://[/"]


@pytest.mark.parametrize("url", [*PRIVATE, *WRONG, "http://example.org/"])
def test_private_odd_and_open_addresses_are_refused(url):
    assert problem_of(url, allow_private=False)


def test_a_public_address_is_fine():
    assert problem_of("https://example.org:8443/hook?x=1", allow_private=False) is None


@pytest.mark.parametrize("url", WRONG)
def test_odd_addresses_are_refused_in_development_too(url):
    assert problem_of(url, allow_private=True)


class Resolver(AbstractResolver):
    """A name that points where the test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        return


async def test_a_name_that_points_inside_is_not_connected_to(monkeypatch):
    monkeypatch.setattr(webdoor, "ThreadedResolver", lambda: Resolver("127.0.0.1", "10.0.0.1"))
    door = WebDoor(timeout_s=2, allow_private=False)
    with pytest.raises(HookRefused, match="did not answer"):
        await door.post("https://innocent.example/", b"{}", {})
    await door.close()


async def test_of_a_names_addresses_only_public_ones_are_used():
    found = await PublicResolver(Resolver("127.0.0.1", "93.184.216.34", "fe80::1%eth0")).resolve("x", 443)
    assert [one["host"] for one in found] == ["93.184.216.34"]
