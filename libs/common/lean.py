"""Routes without FastAPI's machinery, for what is called most: found in a table, answered by a function of the request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common import strictjson
from libs.common.auth import Principal, TokenVerifier, require, unauthorised
from libs.common.errors import Problem, Refusal
from libs.common.paths import Paths, open_parts

Handler = Callable[[Request], Awaitable[Response]]
LeanRoute = tuple[str, Handler, str]
"""Path, handler, method."""


class _Named(Route):
    """Leaves itself in the scope, where metrics and log lines find the path with the names of its parameters."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is Match.FULL:
            child["route"] = self
        return match, child


LeanTable = Paths[tuple[Handler, _Named, tuple[str, ...]]]
"""Handler, route and the names of the path's open parts, by path and method."""


class LeanDoor:
    """What stands before an application: a request for a lean route never comes to it, only through the layer `around`. A
    Refusal becomes its answer."""

    def __init__(
        self,
        app: ASGIApp,
        table: LeanTable,
        *,
        around: Callable[[ASGIApp], ASGIApp],
        refused: Callable[[Refusal], Response],
    ) -> None:
        self._app = app
        self._table = table
        self._refused = refused
        self._lean = around(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods, values = (self._table.find(scope["path"]) if scope["type"] == "http" else None) or ({}, [])
        found = methods.get(scope["method"]) if methods else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["lean_handler"], scope["route"], names = found
        scope["path_params"] = dict(zip(names, values, strict=True))
        await self._lean(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await scope["lean_handler"](Request(scope, receive, send))
        except Refusal as refusal:
            response = self._refused(refusal)
        await response(scope, receive, send)


def add_lean(app: FastAPI, routes: Sequence[LeanRoute]) -> None:
    """Puts them before all other routes, and in the place of those that had the same path and method.

    They stand among the router's routes too, which answers what asks for them by another method.
    """
    made = [_Named(path, handler, methods=[method], include_in_schema=False) for path, handler, method in routes]
    app.router.routes[:0] = made
    for (path, handler, method), route in zip(routes, made, strict=True):
        app.state.lean.methods(path)[method] = (handler, route, open_parts(path))


async def caller(request: Request, scope: str = "") -> Principal:
    """Who calls, verified; an API key needs this scope."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise unauthorised("token_missing", "A bearer token is needed.")
    verifier: TokenVerifier = request.app.state.verifier
    found = await verifier.verify(token.strip())
    if scope and not found.may(scope):
        raise Refusal.of(403, "scope_missing", f"This API key may not {scope}.")
    return found


async def admin(request: Request) -> Principal:
    """A person who is logged in as an admin."""
    found = await caller(request)
    return require(found.is_admin, found)


async def overseer(request: Request) -> Principal:
    """A person who may read health and figures: an admin or an operator."""
    found = await caller(request)
    return require(found.oversees, found)


async def service(request: Request) -> Principal:
    """Another service, speaking for itself."""
    found = await caller(request)
    return require(found.is_service, found)


async def body(request: Request, fields: frozenset[str]) -> Mapping[str, Any]:
    """The body as an object with no other fields; an empty body is an empty object."""
    raw = await request.body()
    if not raw:
        return {}
    value = strictjson.loads(raw)
    if not isinstance(value, dict):
        raise Refusal.of(400, "malformed_body", "The body must be a JSON object.")
    if not value.keys() <= fields:
        raise Refusal(
            400, [Problem("unknown_field", "There is no such field.", name) for name in value if name not in fields]
        )
    return value


def texts(shape: Mapping[str, Any], field: str, most: int) -> list[str]:
    """A list of so many texts at most; a missing one is empty."""
    value = shape.get(field, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refusal.of(400, "not_a_list", "This must be a list of texts.", field)
    if len(value) > most:
        raise Refusal.of(400, "too_long", f"At most {most} at once.", field)
    return value
