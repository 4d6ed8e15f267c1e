"""Calls between services: one contract, held by the door over HTTP and the door in process."""

import asyncio
from types import SimpleNamespace

import pytest
import pytest_asyncio
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from libs.common import context
from libs.common.auth import ServiceTokens
from libs.common.errors import Problem, Refusal
from libs.common.peers import Caller
from libs.common.peers_http import HttpPeers
from libs.common.peers_local import LocalPeers
from libs.common.serving import Serving, bind
from libs.common.settings import CommonSettings
from libs.common.testing import eventually
from libs.common.testing.tokens import SECRET, TokenMaker
from libs.common.web import client, create_app, json_response, router

PIECE = b"x" * 50_000


class Target:
    """A small service that shows what arrived."""

    def __init__(self, maker: TokenMaker) -> None:
        self.left = asyncio.Event()
        self.sent = 0
        self.api = create_app("ledger", CommonSettings(), maker.verifier("ledger"), {}, {})
        self.api.include_router(self._whole_answers())
        self.api.include_router(self._streams())

    def _whole_answers(self):
        routes = router()

        @routes.api_route("/echo/{name}", methods=["GET", "POST", "PUT"])
        async def echo(name: str, request: Request):
            caller = request.state.principal
            seen = client(request)
            return json_response(
                {
                    "name": name,
                    "query": request.query_params.multi_items(),
                    "body": (await request.body()).decode(),
                    "who": [caller.kind, caller.id],
                    "client": [seen.address, seen.agent],
                    "request_id": context.request_id.get(),
                    "key": request.headers.get("idempotency-key"),
                    "content_type": request.headers.get("content-type"),
                },
                201 if request.method == "POST" else 200,
                {"X-Kind": "echo"},
            )

        @routes.get("/empty")
        async def empty():
            return Response(status_code=204)

        @routes.get("/refuses")
        async def refuses():
            raise Refusal(
                409, [Problem("a_code", "A sentence.", "a_field"), Problem("b_code", "Another.")], retry_after_s=7
            )

        @routes.get("/fails")
        async def fails():
            raise ZeroDivisionError

        @routes.get("/hangs")
        async def hangs():
            await asyncio.Event().wait()

        return routes

    def _streams(self):
        routes = router()

        @routes.get("/stream/{pieces}")
        async def stream(pieces: int):
            async def chunks():
                try:
                    for _ in range(pieces):
                        self.sent += 1
                        yield PIECE
                        await asyncio.sleep(0)  # as one that reads a database does
                finally:
                    self.left.set()

            return StreamingResponse(chunks(), media_type="text/csv")

        @routes.get("/breaks")
        async def breaks():
            async def chunks():
                yield PIECE
                raise ZeroDivisionError

            return StreamingResponse(chunks())

        return routes


@pytest.fixture
def maker():
    return TokenMaker()


@pytest_asyncio.fixture
async def target(maker):
    return Target(maker)


@pytest_asyncio.fixture(params=["http", "local"])
async def peers(request, target):
    tokens = ServiceTokens(SECRET, "gateway")
    if request.param == "local":
        yield LocalPeers({"ledger": SimpleNamespace(name="ledger", api=target.api)}, tokens)
        return
    listening = bind("127.0.0.1", 0)
    serving = Serving(target.api, listening, stop_timeout_s=1)
    await serving.start()
    urls = {"ledger": f"http://127.0.0.1:{listening.getsockname()[1]}/", "closed": "http://127.0.0.1:1"}
    opened = HttpPeers(urls, tokens)
    yield opened
    await opened.close()
    await serving.stop()


async def test_a_call_carries_everything_and_brings_the_whole_answer(peers, maker):
    caller = Caller(request_id="r-1", client_address="192.0.2.1", user_agent="Browser 1", idempotency_key="k-1")
    answer = await peers.call(
        "ledger",
        "POST",
        "/echo/b%20%C3%A4",
        caller=caller,
        query={"q": "ä&=", "n": 3, "yes": True, "tags": ["a", "b"]},
        body={"x": "é"},
    )
    assert answer.status == 201
    assert answer.headers["x-kind"] == "echo"
    assert answer.headers["x-request-id"] == "r-1"
    told = answer.json()
    assert told["name"] == "b ä"
    assert told["query"] == [["q", "ä&="], ["n", "3"], ["yes", "true"], ["tags", "a"], ["tags", "b"]]
    assert told["body"] == '{"x":"é"}'
    assert told["who"] == ["service", "gateway"]
    assert told["client"] == ["192.0.2.1", "Browser 1"]
    assert told["request_id"] == "r-1"
    assert told["key"] == "k-1"
    assert told["content_type"] == "application/json"


async def test_a_persons_token_speaks_for_the_person_and_cannot_name_a_client(peers, maker):
    caller = Caller(token=maker.user("u-1"), client_address="203.0.113.9", user_agent="forged")
    told = (await peers.call("ledger", "GET", "/echo/x", caller=caller)).json()
    assert told["who"] == ["user", "u-1"]
    assert told["client"][0] != "203.0.113.9"
    assert told["client"][1] != "forged"


async def test_the_request_id_of_the_work_under_way_goes_along(peers):
    mark = context.request_id.set("of-the-work")
    try:
        told = (await peers.call("ledger", "GET", "/echo/x", caller=Caller())).json()
    finally:
        context.request_id.reset(mark)
    assert told["request_id"] == "of-the-work"


async def test_raw_bytes_go_as_they_are(peers):
    answer = await peers.call("ledger", "PUT", "/echo/x", caller=Caller(), raw=b"a;b\n1;2", content_type="text/csv")
    assert answer.json()["body"] == "a;b\n1;2"
    assert answer.json()["content_type"] == "text/csv"


async def test_an_empty_answer_is_none(peers):
    answer = await peers.call("ledger", "GET", "/empty", caller=Caller())
    assert (answer.status, answer.json()) == (204, None)


async def test_a_refusal_comes_back_as_it_was_said(peers):
    with pytest.raises(Refusal) as caught:
        await peers.call("ledger", "GET", "/refuses", caller=Caller())
    assert caught.value.status == 409
    assert caught.value.problems == (Problem("a_code", "A sentence.", "a_field"), Problem("b_code", "Another."))
    assert caught.value.retry_after_s == 7


async def test_a_fault_on_the_other_side_is_a_refusal_without_its_details(peers):
    with pytest.raises(Refusal) as caught:
        await peers.call("ledger", "GET", "/fails", caller=Caller(request_id="r-9"))
    assert (caught.value.status, caught.value.problems[0].code) == (500, "unexpected")
    assert "r-9" in caught.value.problems[0].message
    assert "ZeroDivision" not in str(caught.value)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/no/where", 404), ("DELETE", "/empty", 405)])
async def test_what_is_not_there_is_refused(peers, method, path, status):
    with pytest.raises(Refusal) as caught:
        await peers.call("ledger", method, path, caller=Caller())
    assert caught.value.status == status


async def test_a_service_that_does_not_answer_in_time_is_away(peers):
    with pytest.raises(Refusal) as caught:
        await peers.call("ledger", "GET", "/hangs", caller=Caller(), timeout_s=0.1)
    assert (caught.value.status, caught.value.problems[0].code) == (503, "service_away")
    assert caught.value.retry_after_s


@pytest.mark.parametrize("service", ["closed", "unknown"])
async def test_a_service_that_is_not_there_is_away(peers, service):
    with pytest.raises(Refusal) as caught:
        await peers.call(service, "GET", "/", caller=Caller(), timeout_s=2)
    assert (caught.value.status, caught.value.problems[0].code) == (503, "service_away")


async def test_a_wrong_token_is_refused(peers):
    with pytest.raises(Refusal) as caught:
        await peers.call("ledger", "GET", "/empty", caller=Caller(token="x"))
    assert (caught.value.status, caught.value.problems[0].code) == (401, "token_invalid")


async def test_a_long_answer_comes_in_pieces(peers, target):
    total = 0
    async with peers.stream("ledger", "GET", "/stream/100", caller=Caller()) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/csv")
        async for chunk in answer.chunks:
            total += len(chunk)
    assert total == 100 * len(PIECE)


async def test_a_reader_that_leaves_ends_the_work_on_the_other_side(peers, target):
    async with peers.stream("ledger", "GET", "/stream/100000", caller=Caller()) as answer:
        async for _ in answer.chunks:
            break
    await asyncio.wait_for(target.left.wait(), 5)
    assert target.sent < 2000, "the other side waits for its reader"


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(peers):
    async def read():
        async with peers.stream("ledger", "GET", "/breaks", caller=Caller()) as answer:
            return [chunk async for chunk in answer.chunks]

    with pytest.raises(Refusal) as caught:
        await read()
    assert caught.value.problems[0].code == "service_away"


async def test_a_stream_can_be_refused(peers):
    async def read():
        async with peers.stream("ledger", "GET", "/refuses", caller=Caller()):
            pass

    with pytest.raises(Refusal) as caught:
        await read()
    assert caught.value.status == 409


async def test_a_stream_that_stalls_is_away(peers):
    async def read():
        async with peers.stream("ledger", "GET", "/hangs", caller=Caller(), timeout_s=0.1):
            pass

    with pytest.raises(Refusal) as caught:
        await read()
    assert caught.value.problems[0].code == "service_away"


async def test_many_calls_at_once_do_not_mix(peers):
    answers = await asyncio.gather(
        *(peers.call("ledger", "GET", f"/echo/{n}", caller=Caller(request_id=f"r-{n}")) for n in range(50))
    )
    assert [answer.json()["name"] for answer in answers] == [str(n) for n in range(50)]
    assert [answer.json()["request_id"] for answer in answers] == [f"r-{n}" for n in range(50)]


async def test_a_cancelled_call_ends_the_work(peers, target):
    work = asyncio.create_task(peers.call("ledger", "GET", "/hangs", caller=Caller()))
    await asyncio.sleep(0)
    work.cancel()
    await eventually(work.done)
    assert work.cancelled()
