"""Lean routes: found by a table before everything else, and at home among the others."""

import pytest
from fastapi import Request, Response

from libs.common.lean import LeanRoute, add_lean
from libs.common.settings import CommonSettings
from libs.common.testing.asgi import Client
from libs.common.testing.tokens import TokenMaker
from libs.common.web import create_app, json_response, router


@pytest.fixture
def api():
    paths = router()

    @paths.post("/things/{name}")
    async def slow(name: str) -> str:
        return f"slow {name}"

    app = create_app("tested", CommonSettings(body_max_bytes=1024), TokenMaker().verifier("tested"), {}, {})
    app.include_router(paths)
    add_lean(app, [_telling("/things/all", "GET", "all"), _telling("/things/{name}", "GET", "one")])
    return app


@pytest.fixture
def call(api):
    return Client(api)


def _telling(path: str, method: str, word: str) -> LeanRoute:
    async def handler(request: Request) -> Response:
        size = len(await request.body())
        return json_response([word, dict(request.path_params), request.url.query, size])

    return path, handler, method


async def test_the_route_that_fits_answers_with_what_the_path_holds(call):
    assert (await call("GET", "/things/all")).body == ["all", {}, "", 0]
    assert (await call("GET", "/things/a b", query={"x": "1"})).body == ["one", {"name": "a b"}, "x=1", 0]


async def test_what_fits_no_lean_route_finds_the_others(call):
    assert (await call("POST", "/things/x")).body == "slow x"
    assert (await call("GET", "/things/x/y")).codes == ["not_found"]
    assert (await call("GET", "/things/")).codes == ["not_found"]
    assert (await call("DELETE", "/things/x")).codes == ["method_not_allowed"]


async def test_a_route_added_later_takes_the_place_of_its_like(api, call):
    """A service that starts again answers with its new parts."""
    add_lean(api, [_telling("/things/{name}", "GET", "new")])
    assert (await call("GET", "/things/one")).body[0] == "new"
    assert (await call("GET", "/things/all")).body[0] == "all"


async def test_request_id_body_limit_and_figures_are_those_of_every_route(call):
    told = await call("GET", "/things/x", request_id="known-1")
    assert told.headers["x-request-id"] == "known-1"
    assert (await call("GET", "/things/x", raw=b"x" * 1025)).status == 413
    assert b'route="/things/{name}"' in (await call("GET", "/metrics")).body
