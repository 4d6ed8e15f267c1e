"""The endpoints through the gateway's own way of calling, and who may call them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio

from libs.common.auth import Principal, ServiceTokens
from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.paging import Cursor
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.service import Wiring
from services.notifier import app
from services.notifier.consumers import handlers
from services.notifier.mail.file import FileDoor
from services.notifier.service.mailing import send_due
from services.notifier.settings import Settings
from services.notifier.tests import events
from services.notifier.tests.conftest import Bench

ROUTES = [
    ("GET", "/notices"),
    ("GET", "/notices/unread"),
    ("POST", "/notices/read"),
    ("GET", "/preferences"),
    ("PUT", "/preferences"),
    ("POST", "/matches/seen"),
    ("GET", "/webhooks"),
    ("POST", "/webhooks"),
    ("DELETE", "/webhooks/x"),
    ("GET", "/unsubscribe/x"),
    ("POST", "/unsubscribe/x"),
    ("GET", "/mail"),
    ("GET", "/mail/x"),
]
FOR_USERS = ROUTES[:9]
FOR_SERVICES = ROUTES[9:]


class Verifier:
    """Tokens that say who they are: `user:u1`, `admin:a1`, `operator:o1`, `key:u1`; any other is a service's."""

    async def verify(self, token: str) -> Principal:
        kind, _, name = token.partition(":")
        if kind == "user":
            return Principal("user", name)
        if kind in ("admin", "operator"):
            return Principal("user", name, kind)
        if kind == "key":
            return Principal("api_key", name)
        return Principal("service", "gateway", "service")

    def forget_session(self, session_id: str, until: Any) -> None:
        return


class NoBus:
    async def healthy(self) -> bool:
        return True


@dataclass
class House:
    bench: Bench
    peers: LocalPeers
    settings: Settings

    async def call(self, method: str, path: str, token: str | None = "user:u1", **given: Any) -> Any:
        answer = await self.peers.call("notifier", method, path, caller=Caller(token=token), **given)
        return answer.json()

    async def refused(self, method: str, path: str, token: str | None = "user:u1", **given: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.call(method, path, token, **given)
        return caught.value


@pytest_asyncio.fixture
async def house(bench: Bench, clock, tmp_path) -> AsyncIterator[House]:
    settings = Settings(data=tmp_path, operator_email="operator@example.org")
    bus: Any = NoBus()
    service = app.build(settings, Wiring(bus=bus, peers=bench.peers, verifier=Verifier(), clock=clock))
    service._pool = bench.pool
    yield House(bench, LocalPeers({"notifier": service}, ServiceTokens("s" * 32, "gateway")), settings)


async def hear(house: House, *envelopes) -> None:
    for envelope in envelopes:
        await handlers(house.bench.deps)[envelope.type](envelope)


async def test_the_bell_over_http(house: House):
    await hear(house, events.user_changed(), events.membership(), events.entity_changed())
    await hear(house, *(events.proposed(transfer_id=f"t{n}") for n in range(3)))
    first = await house.call("GET", "/notices", query={"limit": 2})
    assert first["unread"] == 3
    assert first["items"][0]["title"] == "Max wants to pay you 10.50\xa0CR"
    assert first["items"][0]["link"].startswith("/transfers/t")
    assert first["items"][0]["entity_id"] == events.ROSA
    assert first["items"][0]["read"] is False
    second = await house.call("GET", "/notices", query={"limit": 2, "cursor": first["next"]})
    assert [len(second["items"]), second["next"]] == [1, None]
    ids = [item["id"] for item in first["items"]]
    assert await house.call("POST", "/notices/read", body={"ids": ids}) == {"unread": 1}
    assert await house.call("POST", "/notices/read", body={}) == {"unread": 0}
    assert await house.call("GET", "/notices/unread") == {"unread": 0}


async def test_preferences_over_http(house: House):
    await hear(house, events.membership())
    items = {item["kind"]: item for item in (await house.call("GET", "/preferences"))["items"]}
    assert items["password_changed"]["mandatory"] is True
    assert items["match_found"]["mail"] is None
    assert "new_signup" not in items
    body = {"items": [{"kind": "contact_message", "mail": False}], "entity_id": events.ROSA}
    changed = {item["kind"]: item for item in (await house.call("PUT", "/preferences", body=body))["items"]}
    assert (changed["contact_message"]["mail"], changed["contact_message"]["bell"]) == (False, True)


async def test_unsubscribing_over_http(house: House):
    await hear(house, events.entity_changed(), events.proposed())
    door = house.bench.door
    await send_due(house.bench.deps, house.bench.peers, door)
    path = "/unsubscribe/" + str(door.letters[0].unsubscribe_url).rpartition("/")[2]
    assert (await house.call("GET", path, None))["wanted"] is True
    assert (await house.call("POST", path, None))["wanted"] is False
    assert (await house.call("GET", path, None))["wanted"] is False
    assert (await house.refused("GET", "/unsubscribe/unknown", None)).status == 404


async def test_the_mailbox_of_the_file_door(house: House):
    await hear(house, events.entity_changed(), events.proposed(), events.contact())
    await send_due(house.bench.deps, house.bench.peers, FileDoor(house.settings.data / "mail"))
    items = (await house.call("GET", "/mail", None))["items"]
    assert len(items) == 2
    assert {item["to"] for item in items} == {f"{events.ROSA}@example.org"}
    contact = next(item for item in items if item["subject"] == "Message from Max")
    whole = await house.call("GET", f"/mail/{contact['id']}", None)
    assert whole["reply_to"] == "max@example.org"
    assert "Do you have rye bread?" in whole["text"]
    assert "<blockquote" in whole["html"]
    assert (await house.call("GET", "/mail", None, query={"to": "nobody@example.org"}))["items"] == []
    assert (await house.refused("GET", f"/mail/{new_id()}", None)).status == 404


@pytest.mark.parametrize(
    "changes",
    [{"env": "production", "service_secret": "x" * 32, "allow_local_doors": True}, {"mail_url": "smtp://localhost"}],
)
async def test_the_mailbox_is_there_in_development_with_the_file_door_only(bench: Bench, clock, changes):
    bus: Any = NoBus()
    service = app.build(Settings(**changes), Wiring(bus=bus, peers=bench.peers, verifier=Verifier(), clock=clock))
    service._pool = bench.pool
    peers = LocalPeers({"notifier": service}, ServiceTokens("s" * 32, "gateway"))
    with pytest.raises(Refusal) as caught:
        await peers.call("notifier", "GET", "/mail", caller=Caller())
    assert caught.value.status == 404


def test_every_route_is_in_the_matrix(tmp_path):
    bus: Any = NoBus()
    wiring: Any = Wiring(bus=bus, peers=bus, verifier=Verifier(), clock=events.NOW.now)
    own = ("/health", "/metrics", "/version")
    paths = app.build(Settings(), wiring).api.openapi()["paths"]
    known = {
        (method.upper(), re.sub(r"{.*}", "x", path))
        for path in paths
        if not path.startswith(own)
        for method in paths[path]
    }
    assert known == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), FOR_USERS)
@pytest.mark.parametrize("token", [None, "key:u1"])
async def test_the_bell_is_for_people(house: House, method, path, token):
    assert (await house.refused(method, path, token, body={} if method != "GET" else None)).status == 403


async def test_the_nodes_own_programs_are_the_admins_and_not_an_operators(house: House):
    body = {"url": "https://watch.example.org/", "kinds": ["books_broken"]}
    for token in ("operator:o1", "user:u1"):
        assert (await house.refused("GET", "/webhooks", token)).status == 403
        assert (await house.refused("POST", "/webhooks", token, body=body)).status == 403
    assert (await house.call("GET", "/webhooks", "admin:a1"))["items"] == []


@pytest.mark.parametrize(("method", "path"), FOR_SERVICES)
@pytest.mark.parametrize("token", ["user:u1", "admin:a1", "key:u1"])
async def test_links_and_mailbox_are_for_services(house: House, method, path, token):
    assert (await house.refused(method, path, token)).status == 403


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("GET", "/notices", {"query": {"limit": 0}}),
        ("GET", "/notices", {"query": {"limit": 101}}),
        ("GET", "/notices", {"query": {"limit": "x"}}),
        ("GET", "/notices", {"query": {"cursor": "x"}}),
        ("GET", "/notices", {"query": {"cursor": "WyJ4IiwieSJd"}}),
        ("GET", "/notices", {"query": {"cursor": Cursor.encode([-1, "x"])}}),
        ("GET", "/notices", {"query": {"cursor": Cursor.encode([10**18, "x"])}}),
        ("POST", "/notices/read", {"body": {"ids": "x"}}),
        ("POST", "/notices/read", {"body": {"ids": ["x"] * 201}}),
        ("POST", "/notices/read", {"body": {"more": 1}}),
        ("POST", "/notices/read", {"raw": b'{"ids": ["a"], "ids": []}'}),
        ("PUT", "/preferences", {"body": {}}),
        ("PUT", "/preferences", {"body": {"items": [{"kind": "nothing"}]}}),
        ("PUT", "/preferences", {"body": {"items": [{"kind": "contact_message", "mail": "off"}]}}),
        ("PUT", "/preferences", {"raw": b"{"}),
        ("POST", "/matches/seen", {"body": {}}),
    ],
)
async def test_what_makes_no_sense_is_a_400(house: House, method, path, given):
    refusal = await house.refused(method, path, **given)
    assert refusal.status == 400
    assert refusal.problems


async def test_language_of_the_bell_can_be_asked_for_and_an_odd_one_is_english(house: House):
    await hear(house, events.membership(), events.entity_changed(), events.proposed())
    answer = await house.call("GET", "/notices", query={"language": "../../etc"})
    assert answer["items"][0]["title"].startswith("Max wants to pay you")
    assert orjson.dumps(answer)
