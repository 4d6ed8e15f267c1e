"""Both clients against a node that fails as networks and servers do."""

import inspect
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from libs.client.mccs_client import AsyncClient, Busy, Client, MalformedAnswer, Page, Policy, Refused, Unreachable
from libs.client.mccs_client.request import camel, number, snake
from libs.client.mccs_client.retry import seconds_of
from libs.client.tests.fakenode import FakeNode, answering, lost_after, lost_before

Call = Callable[..., Any]
PAYMENT = {"initiator": "1", "receiver": "2", "amount": Decimal("10.50"), "description": "Bread"}


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture(params=["sync", "async"])
async def call(request, node: FakeNode) -> AsyncIterator[Call]:
    """Calls an operation by its name, with either client."""
    given: dict[str, Any] = {"token": "t0"}
    policy = Policy(chance=lambda: 1.0)
    if request.param == "sync":
        with Client("http://node", policy=policy, transport=node.transport, sleep=node.sleep, **given) as client:

            async def ask(name: str, /, *args: Any, **more: Any) -> Any:
                return getattr(client, name)(*args, **more)

            yield ask
    else:
        async with AsyncClient(
            "http://node", policy=policy, transport=node.transport, sleep=node.asleep, **given
        ) as it:

            async def await_it(name: str, /, *args: Any, **more: Any) -> Any:
                answer = getattr(it, name)(*args, **more)
                assert inspect.isawaitable(answer)
                return await answer

            yield await_it


# --- repeating ----------------------------------------------------------------------------------------------------------


async def test_a_payment_whose_answer_is_lost_happens_once(call: Call, node: FakeNode):
    node.troubles = [lost_after, lost_after, lost_before]
    made = await call("propose", "out", **PAYMENT)
    assert made["id"] == "t1"
    assert len(node.transfers) == 1
    assert len({request.headers["idempotency-key"] for request in node.seen}) == 1
    assert len(node.seen) == 4


@pytest.mark.parametrize("name", ["accept", "reject", "cancel"])
async def test_every_decision_about_a_transfer_carries_one_key(call: Call, node: FakeNode, name):
    node.troubles = [lost_after]
    await call(name, "t1")
    keys = [request.headers["idempotency-key"] for request in node.seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1


async def test_two_payments_have_two_keys_and_ones_own_key_is_used(call: Call, node: FakeNode):
    await call("propose", "out", **PAYMENT)
    await call("propose", "out", **PAYMENT)
    await call("propose", "out", **PAYMENT, idempotency_key="order-1")
    await call("propose", "out", **PAYMENT, idempotency_key="order-1")
    keys = [request.headers["idempotency-key"] for request in node.seen]
    assert len(set(keys)) == 3
    assert keys[2:] == ["order-1", "order-1"]
    assert len(node.transfers) == 3


async def test_a_payment_that_stays_unanswered_says_by_which_key_it_can_be_repeated(call: Call, node: FakeNode):
    node.troubles = [lost_after] * 6
    with pytest.raises(Unreachable) as caught:
        await call("propose", "out", **PAYMENT)
    assert caught.value.was_sent
    key = caught.value.idempotency_key
    assert key == node.seen[0].headers["idempotency-key"]
    await call("propose", "out", **PAYMENT, idempotency_key=key)
    assert len(node.transfers) == 1


@pytest.mark.parametrize(
    "trouble", [lost_after, lost_before, answering(503), answering(429), answering(502), answering(504)]
)
async def test_reads_are_repeated(call: Call, node: FakeNode, trouble):
    node.troubles = [trouble]
    assert (await call("my_entities"))[0]["name"] == "Bakery Rosa"
    assert len(node.seen) == 2


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("signup", {"email": "a@b.c", "password": "p"}),
        ("send_message", {"sender_id": "a", "receiver_id": "b", "body": "c"}),
        ("password_reset", {"email": "a@b.c"}),
        ("create_category", {"name": "x"}),
        ("admin_delete_user", {"user_id": "x"}),
    ],
)
async def test_what_must_not_happen_twice_is_not_sent_twice(call: Call, node: FakeNode, name, given):
    node.troubles = [lost_after]
    with pytest.raises(Unreachable) as caught:
        await call(name, **given)
    assert caught.value.was_sent
    node.troubles = [answering(503, "1")]
    with pytest.raises(Busy):
        await call(name, **given)
    assert len(node.seen) == 2
    node.troubles = [lost_before, answering(429, "1")]
    await call(name, **given)
    assert len(node.seen) == 5


async def test_waits_grow_and_end(call: Call, node: FakeNode):
    node.troubles = [answering(503)] * 6
    with pytest.raises(Busy) as caught:
        await call("health")
    assert caught.value.status == 503
    assert node.waits == [0.2, 0.4, 0.8, 1.6, 3.2]


async def test_the_nodes_own_wait_is_kept_to(call: Call, node: FakeNode):
    node.troubles = [answering(429, "7"), answering(503, "0")]
    await call("health")
    assert node.waits == [7.0, 0.0]


async def test_a_wait_beyond_the_bound_is_not_waited(call: Call, node: FakeNode):
    node.troubles = [answering(429, "3600")]
    with pytest.raises(Busy) as caught:
        await call("health")
    assert caught.value.retry_after_s == 3600
    assert node.waits == []


def test_the_time_of_all_tries_is_bounded():
    node, now = FakeNode(troubles=[answering(503, "30")] * 5), [0.0]

    def sleep(wait_s: float) -> None:
        now[0] += wait_s

    with (
        Client(
            "http://node", policy=Policy(clock=lambda: now[0], total_s=60), transport=node.transport, sleep=sleep
        ) as client,
        pytest.raises(Busy),
    ):
        client.health()
    assert now[0] == 60
    assert len(node.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500])
async def test_a_refusal_is_told_whole_and_not_asked_again(call: Call, node: FakeNode, status):
    node.troubles = [answering(status)]
    with pytest.raises(Refused) as caught:
        await call("me")
    refused = caught.value
    assert (refused.status, refused.code, refused.field, refused.message) == (status, "service_away", "x", "Not now.")
    assert refused.request_id == "r1"
    assert not isinstance(refused, Busy)
    assert len(node.seen) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": []}', b'{"errors": 5}', b"null", b"\xff"])
async def test_a_refusal_of_somebody_else_is_a_refusal(call: Call, node: FakeNode, body):
    node.answers["GET", "/user"] = httpx2.Response(404, content=body)
    with pytest.raises(Refused) as caught:
        await call("me")
    assert caught.value.code == "http_404"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"5", b'{"data": '])
async def test_an_answer_that_is_none_is_said_to_be(call: Call, node: FakeNode, body):
    node.answers["GET", "/user"] = httpx2.Response(200, content=body)
    with pytest.raises(MalformedAnswer):
        await call("me")


async def test_a_redirect_is_not_followed_with_the_token(call: Call, node: FakeNode):
    node.answers["GET", "/user"] = httpx2.Response(302, headers={"Location": "http://elsewhere/"})
    with pytest.raises(Refused):
        await call("me")
    assert len(node.seen) == 1


# --- tokens -------------------------------------------------------------------------------------------------------------


async def test_a_login_is_kept_for_what_follows_and_a_logout_forgets_it(call: Call, node: FakeNode):
    await call("login", "a@b.c", "p")
    await call("me")
    await call("logout")
    await call("health")
    assert [request.headers.get("authorization") for request in node.seen] == [
        "Bearer t0",
        "Bearer t1",
        "Bearer t1",
        None,
    ]


async def test_a_key_gets_its_token_by_the_standard(call: Call, node: FakeNode):
    node.answers["POST", "/oauth/token"] = {"access_token": "k1", "token_type": "Bearer", "expires_in": 3600}
    assert (await call("key_login", "key", "s&=1"))["expires_in"] == 3600
    assert node.seen[0].content == b"grant_type=client_credentials&client_id=key&client_secret=s%26%3D1"
    await call("me")
    assert node.seen[1].headers["authorization"] == "Bearer k1"


async def test_a_wrong_key_is_refused_in_the_standards_words(call: Call, node: FakeNode):
    node.answers["POST", "/oauth/token"] = httpx2.Response(401, json={"error": "invalid_client"})
    with pytest.raises(Refused) as caught:
        await call("key_login", "key", "wrong")
    assert caught.value.code == "invalid_client"


# --- values -------------------------------------------------------------------------------------------------------------


async def test_amounts_travel_exactly_both_ways(call: Call, node: FakeNode):
    node.answers["GET", "/balance"] = httpx2.Response(200, content=b'{"data": {"balance": -0.1, "available": 1250}}')
    balance = await call("balance", "e1")
    assert balance == {"balance": Decimal("-0.1"), "available": Decimal(1250)}
    assert type(balance["available"]) is Decimal
    await call("propose", "out", **(PAYMENT | {"amount": "999999999999.99"}))
    assert b'"amount": 999999999999.99' in node.seen[-1].content


@hypothesis_settings(max_examples=200)
@given(st.integers(-(10**14), 10**14))
def test_any_amount_of_the_ledger_is_written_exactly(minor):
    amount = Decimal(minor) / 100
    assert json.loads(json.dumps(number(amount)), parse_float=Decimal) == amount


@pytest.mark.parametrize("amount", [1.5, True, "x", "", "NaN", "Infinity", "0.1234567890123456789", None])
def test_what_is_no_exact_amount_is_refused_before_it_is_sent(amount):
    with pytest.raises(ValueError, match="amount"):
        number(amount)


async def test_names_are_pythons_and_kept_data_is_as_it_came(call: Call, node: FakeNode):
    entry = {"userID": "u", "createdAt": "now", "before": {"firstName": "A", "amount": 5}, "total": 3}
    node.answers["GET", "/admin/logs"] = {"data": [entry], "meta": {"numberOfResults": 7, "totalPages": 4}}
    page = await call("admin_logs", date_from=date(2026, 3, 2), email="a&b")
    assert page == Page(
        [{"user_id": "u", "created_at": "now", "before": {"firstName": "A", "amount": 5}, "total": 3}], 7, 4
    )
    assert dict(node.seen[0].url.params) == {"date_from": "2026-03-02", "email": "a&b", "page": "1", "page_size": "100"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("entity_id", "entityID"),
        ("max_positive_balance", "maxPositiveBalance"),
        ("show_tags_matched_since_last_login", "showTagsMatchedSinceLastLogin"),
        ("name", "name"),
    ],
)
def test_names_in_both_ways(ours, theirs):
    assert camel(ours) == theirs
    assert snake(theirs) == ours


async def test_a_change_sends_what_is_given_and_none_clears(call: Call, node: FakeNode):
    await call("update_entity", "e1", postal_code=None, offers=["bread"])
    assert json.loads(node.seen[0].content) == {"postalCode": None, "offers": ["bread"]}


async def test_an_admins_limits_are_exact_numbers(call: Call, node: FakeNode):
    await call("admin_update_entity", "e1", max_positive_balance=Decimal("500.50"), status="tradingAccepted")
    assert json.loads(node.seen[0].content) == {"maxPositiveBalance": 500.5, "status": "tradingAccepted"}


async def test_a_time_without_a_zone_is_refused(call: Call):
    with pytest.raises(ValueError, match="time zone"):
        await call("balance_at", "e1", datetime(2026, 3, 2))


async def test_a_table_travels_as_it_is_with_a_key(call: Call, node: FakeNode):
    await call("batch_csv", b"receiver,amount\n", initiator="1", all_or_nothing=True)
    [request] = node.seen
    assert request.headers["content-type"] == "text/csv"
    assert request.headers["idempotency-key"]
    assert request.content == b"receiver,amount\n"
    assert dict(request.url.params) == {"initiator": "1", "all_or_nothing": "true"}


async def test_a_file_is_bytes(call: Call, node: FakeNode):
    node.answers["GET", "/statement.pdf"] = httpx2.Response(200, content=b"%PDF")
    assert await call("statement_pdf", "e1") == b"%PDF"


def test_retry_after_as_a_date():
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 28 < (seconds_of(format_datetime(soon, usegmt=True)) or 0) <= 30
    assert seconds_of("Sun, 01 Jan 2023 00:00:00 GMT") == 0
    assert seconds_of("soon") is None


# --- lists --------------------------------------------------------------------------------------------------------------


def listing(node: FakeNode) -> None:
    """Seven tags in pages, nine lines in parts."""

    def tags(request: httpx2.Request) -> httpx2.Response:
        number_, size = (int(request.url.params[name]) for name in ("page", "page_size"))
        found = [{"id": str(n), "name": f"tag-{n}"} for n in range(7)][(number_ - 1) * size : number_ * size]
        return httpx2.Response(200, json={"data": found, "meta": {"numberOfResults": 7, "totalPages": -(-7 // size)}})

    def statement(request: httpx2.Request) -> httpx2.Response:
        begin, size = int(request.url.params.get("cursor", 0)), int(request.url.params["limit"])
        following = {"next": str(begin + size)} if begin + size < 9 else {}
        lines = [{"transferID": str(n)} for n in range(9)][begin : begin + size]
        return httpx2.Response(200, json={"data": lines, "meta": following})

    def trouble(request: httpx2.Request, _: FakeNode) -> httpx2.Response:
        return tags(request) if request.url.path.endswith("/tags") else statement(request)

    node.troubles = [trouble] * 20


def test_every_item_of_a_list():
    node = FakeNode()
    listing(node)
    with Client("http://node", transport=node.transport) as client:
        assert [tag["id"] for tag in client.each(client.tags, page_size=3)] == [str(n) for n in range(7)]
        assert [line["transfer_id"] for line in client.each(client.statement, "e1", limit=4)] == [
            str(n) for n in range(9)
        ]


async def test_every_item_of_a_list_awaited():
    node = FakeNode()
    listing(node)
    async with AsyncClient("http://node", transport=node.transport) as client:
        assert [tag["id"] async for tag in client.each(client.tags, page_size=3)] == [str(n) for n in range(7)]
        lines = [line["transfer_id"] async for line in client.each(client.statement, "e1", limit=4)]
        assert lines == [str(n) for n in range(9)]
