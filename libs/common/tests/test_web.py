"""The edge: strict bodies, precise refusals, nobody unknown, and nothing of the inside in an answer."""

from decimal import Decimal
from typing import Annotated

import pytest
import structlog
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from libs.common.auth import Principal
from libs.common.settings import CommonSettings
from libs.common.testing.asgi import Client
from libs.common.testing.tokens import TokenMaker
from libs.common.web import (
    Page,
    body_limit,
    create_app,
    page,
    principal,
    public,
    require_admin,
    require_scope,
    require_service,
    require_user,
    router,
)


class Order(BaseModel):
    """What the test's endpoint takes."""

    model_config = ConfigDict(extra="forbid")
    amount: Decimal
    name: str = Field(max_length=5)
    tags: list[str] = []


class TooPoorError(Exception):
    code = "too_poor"
    field = "amount"

    def __init__(self, left: int) -> None:
        self.left = left


@pytest.fixture
def maker():
    return TokenMaker()


@pytest.fixture
def checks():
    return {}


@pytest.fixture
def api(maker, checks):
    routes = router(prefix="/v")

    @routes.post("/orders")
    async def order(body: Order) -> dict[str, str]:
        return {"amount": str(body.amount)}

    @routes.post("/small")
    @body_limit(20)
    async def small(request: Request) -> int:
        return len(await request.body())

    @routes.get("/open")
    @public
    async def opened() -> str:
        return "yes"

    @routes.get("/poor/{left}")
    async def poor(left: int) -> None:
        raise TooPoorError(left)

    @routes.get("/fails")
    async def fails() -> None:
        raise ZeroDivisionError("secret detail")

    @routes.get("/links/{token}")
    async def fails_with(token: str) -> None:
        raise ZeroDivisionError

    @routes.get("/paged")
    async def paged(part: Annotated[Page, Depends(page)]) -> list[int]:
        return [part.page, part.page_size, part.offset]

    for name, dependency in {
        "any": principal,
        "user": require_user,
        "admin": require_admin,
        "service": require_service,
        "read": require_scope("read"),
    }.items():
        routes.add_api_route(f"/for/{name}", _told(dependency), methods=["GET"])
    app = create_app(
        "tested",
        CommonSettings(body_max_bytes=2000),
        maker.verifier("tested"),
        {TooPoorError: (409, "Only {left} are left.")},
        checks,
    )
    app.include_router(routes)
    return app


def _told(dependency):
    async def endpoint(who: Annotated[Principal, Depends(dependency)]) -> str:
        return who.id

    return endpoint


@pytest.fixture
def call(api):
    return Client(api)


async def test_a_number_is_exact_to_the_last_digit(call):
    told = await call("POST", "/v/orders", raw=b'{"amount": 0.10000000000000000001, "name": "x"}')
    assert told.body == {"amount": "0.10000000000000000001"}


async def test_every_problem_of_a_body_is_told_with_code_and_field(call):
    told = await call("POST", "/v/orders", {"name": "too long", "tags": ["x", 5], "extra": 1})
    assert told.status == 400
    assert {(problem["code"], problem["field"]) for problem in told.body["errors"]} == {
        ("missing", "amount"),
        ("too_long", "name"),
        ("invalid", "tags.1"),
        ("unknown_field", "extra"),
    }


@pytest.mark.parametrize(
    "raw",
    [
        b'{"amount": 1, "amount": 2, "name": "x"}',
        b'{"amount": NaN, "name": "x"}',
        b'{"amount": 1, "name": "\\u0000"}',
        b'{"amount": 1, "name": "\xff"}',
        b"{",
        b"[" * 500,
        b'{"amount": 1, "name": "x"} x',
    ],
)
async def test_a_body_that_can_be_read_in_two_ways_or_none_is_malformed(call, raw):
    told = await call("POST", "/v/orders", raw=raw)
    assert (told.status, told.codes) == (400, ["malformed_body"])


@pytest.mark.parametrize("body", [None, 5, "text", [], True])
async def test_a_body_that_is_no_object_is_refused(call, body):
    told = await call("POST", "/v/orders", body)
    assert told.status == 400


async def test_a_body_of_another_type_is_refused(call):
    told = await call("POST", "/v/orders", raw=b"amount=1&name=x", content_type="application/x-www-form-urlencoded")
    assert told.status == 400


async def test_a_body_beyond_the_limit_is_refused_before_it_is_read(call):
    told = await call("POST", "/v/orders", raw=b" " * 2001)
    assert (told.status, told.codes) == (413, ["body_too_large"])


async def test_a_route_may_have_a_limit_of_its_own(call):
    assert (await call("POST", "/v/small", raw=b"x" * 20)).body == 20
    assert (await call("POST", "/v/small", raw=b"x" * 21)).status == 413


def _posting(path, maker):
    """A request whose body the test itself hands out."""
    token = maker.service("gateway", "tested").encode()
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer " + token), (b"content-type", b"application/json")],
        "state": {},
    }


async def test_a_body_without_a_length_is_counted_as_it_comes(api, maker):
    sent, pieces = [], [b"x" * 15, b"x" * 15]

    async def receive():
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    await api(_posting("/v/small", maker), receive, send)
    assert sent[0]["status"] == 413


@pytest.mark.parametrize("path", ["/v/orders", "/v/small"])
async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault_of_ours(api, maker, path):
    messages = [{"type": "http.request", "body": b'{"amount', "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    with structlog.testing.capture_logs() as lines:
        await api(_posting(path, maker), receive, send)
    assert sent == []
    assert messages == []
    told = [(line["event"], line["log_level"]) for line in lines if line["event"] != "request"]
    assert told == [("client_left", "debug")]


async def test_a_domain_error_has_the_status_and_the_sentence_of_the_table(call):
    told = await call("GET", "/v/poor/3")
    assert told.status == 409
    assert told.body == {"errors": [{"message": "Only 3 are left.", "code": "too_poor", "field": "amount"}]}


async def test_what_nobody_expected_tells_the_request_id_and_nothing_else(call):
    told = await call("GET", "/v/fails", request_id="r-77")
    assert (told.status, told.codes) == (500, ["unexpected"])
    assert "r-77" in told.body["errors"][0]["message"]
    assert "secret detail" not in str(told.body)
    assert "ZeroDivision" not in str(told.body)


async def test_the_log_names_the_route_of_a_fault_and_never_its_path_which_may_hold_a_token(call):
    with structlog.testing.capture_logs() as lines:
        assert (await call("GET", "/v/links/once-only")).status == 500
    assert [line["route"] for line in lines if line["event"] == "unexpected"] == ["/v/links/{token}"]
    assert "once-only" not in str(lines)


async def test_a_wrong_parameter_of_path_or_query_is_named(call):
    assert (await call("GET", "/v/poor/x")).body["errors"][0]["field"] == "left"
    told = await call("GET", "/v/paged?page=0&page_size=101")
    assert {problem["field"] for problem in told.body["errors"]} == {"page", "page_size"}


async def test_a_page_has_its_default_and_its_offset(call):
    assert (await call("GET", "/v/paged")).body == [1, 10, 0]
    assert (await call("GET", "/v/paged?page=3&page_size=20")).body == [3, 20, 40]


async def test_without_a_token_only_what_is_public_answers(api):
    answer = await _raw(api, "/v/open")
    assert answer["status"] == 200
    for path in ("/v/paged", "/v/for/any", "/v/poor/1"):
        answer = await _raw(api, path)
        assert answer["status"] == 401
        assert dict(answer["headers"])[b"www-authenticate"] == b"Bearer"


@pytest.mark.parametrize("header", [b"", b"Basic eDp5", b"Bearer", b"Bearer ", b"bearer x.y.z"])
async def test_a_header_that_is_no_bearer_token_is_refused(api, header):
    assert (await _raw(api, "/v/for/any", [(b"authorization", header)]))["status"] == 401


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("member", {"any", "user", "read"}),
        ("admin", {"any", "user", "admin", "read"}),
        ("service", {"any", "service"}),
        ("reading_key", {"any", "read"}),
        ("other_key", {"any"}),
    ],
)
async def test_who_may_call_what(call, maker, who, allowed):
    token = {
        "member": maker.user(),
        "admin": maker.user(role="admin"),
        "service": maker.service("gateway", "tested"),
        "reading_key": maker.api_key("e-1", "read", role="admin"),
        "other_key": maker.api_key("e-1", "propose"),
    }[who]
    statuses = {
        name: (await call("GET", f"/v/for/{name}", token=token)).status
        for name in ("any", "user", "admin", "service", "read")
    }
    assert {name for name, status in statuses.items() if status == 200} == allowed
    assert set(statuses.values()) <= {200, 403}


@pytest.mark.parametrize("given", ["a b", "x" * 101, "ü", "a\nb", ""])
async def test_a_request_id_that_could_do_harm_in_a_log_is_replaced(api, given):
    answer = await _raw(api, "/v/open", [(b"x-request-id", given.encode())])
    assert dict(answer["headers"])[b"x-request-id"].decode() != given


async def test_a_request_id_is_in_every_answer(call, api):
    assert (await call("GET", "/v/open", request_id="r-5")).headers["x-request-id"] == "r-5"
    assert dict((await _raw(api, "/nowhere"))["headers"])[b"x-request-id"]


async def test_ready_says_which_check_fails_and_live_does_not_care(api, checks):
    async def well():
        return True

    async def ill():
        raise OSError

    checks["database"] = well
    assert (await _raw(api, "/health/ready"))["status"] == 200
    checks["bus"] = ill
    answer = await _raw(api, "/health/ready")
    assert answer["status"] == 503
    assert b'"bus":false' in answer["body"]
    assert b'"database":true' in answer["body"]
    assert (await _raw(api, "/health/live"))["status"] == 200


async def test_metrics_and_version_answer_without_a_token(api):
    await _raw(api, "/v/poor/7")
    exposed = (await _raw(api, "/metrics"))["body"].decode()
    assert 'route="/v/poor/{left}"' in exposed
    assert "tested" in (await _raw(api, "/version"))["body"].decode()


async def _raw(api, path, headers=()):
    """A request as it comes, without any token of ours."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": list(headers),
        "state": {},
    }
    answer = {"body": b""}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.update(status=message["status"], headers=message["headers"])
        else:
            answer["body"] += message.get("body", b"")

    await api(scope, receive, send)
    return answer
