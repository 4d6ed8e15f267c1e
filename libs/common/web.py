"""A service's application: strict bodies, refusals, its own endpoints, and who may call. Denies by default."""

import functools
import importlib.metadata
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from libs.common import metrics, strictjson
from libs.common.auth import Principal, TokenVerifier, require, unauthorised
from libs.common.edge import Edge
from libs.common.errors import Problem, Refusal
from libs.common.health import Check, readiness
from libs.common.lean import LeanDoor, LeanTable, caller
from libs.common.settings import CommonSettings

ErrorTable = Mapping[type[Exception], tuple[int, str]]
"""Domain error class to status and sentence; the sentence may name the error's attributes: `{available_minor}`."""
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_NAMES = {  # pydantic's words for what is wrong to ours
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_long",
    "too_short": "too_short",
}


def public(endpoint: Endpoint) -> Endpoint:
    """Marks an endpoint that anybody may call, without a token."""
    endpoint.is_public = True  # type: ignore[attr-defined]
    return endpoint


def body_limit(bytes_max: int) -> Callable[[Endpoint], Endpoint]:
    """Gives an endpoint another limit of its body than the setting `body_max_bytes`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.body_bytes_max = bytes_max  # type: ignore[attr-defined]
        return endpoint

    return mark


class _StrictRequest(Request):
    """Its JSON is parsed exactly (`libs.common.strictjson`)."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = strictjson.loads(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """The route class of every service: first who calls, then a strict body, then FastAPI's checks."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        is_public = getattr(self.endpoint, "is_public", False)
        bytes_max = getattr(self.endpoint, "body_bytes_max", None)
        has_json = self.body_field is not None

        async def handler(request: Request) -> Response:
            if bytes_max is not None:
                request.scope["body_bytes_max"] = bytes_max
            if not is_public:
                request.state.principal = await caller(request)
            strict = _StrictRequest(request.scope, request.receive)
            if has_json and "json" in request.headers.get("content-type", ""):
                await strict.json()
            return await handle(strict)

        return handler


def router(**options: Any) -> APIRouter:
    """A router of strict routes."""
    return APIRouter(route_class=StrictRoute, **options)


# dependencies are async throughout: FastAPI runs others in a thread, which costs more than they do


async def principal(request: Request) -> Principal:
    """Who calls: person, API key or service. Every endpoint that is not `public` has one."""
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        raise unauthorised("token_missing", "A bearer token is needed.")
    return found


async def require_user(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """A person, of any role; no API key, no service."""
    return require(caller.kind == "user", caller)


async def require_admin(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """A person who is logged in as an admin."""
    return require(caller.is_admin, caller)


async def require_overseer(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """A person who may read health and figures: an admin or an operator."""
    return require(caller.oversees, caller)


async def require_service(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """Another service, speaking for itself."""
    return require(caller.is_service, caller)


def require_scope(scope: str) -> Callable[..., Awaitable[Principal]]:
    """A person, or an API key with this scope."""

    async def check(caller: Annotated[Principal, Depends(principal)]) -> Principal:
        return require(not caller.is_service and caller.may(scope), caller)

    return check


@dataclass(frozen=True, slots=True)
class Client:
    """The program at the other end: address and name of itself."""

    address: str
    agent: str


def client(request: Request) -> Client:
    """The person's client as a service's bearer tells it, else the other end of the connection."""
    headers = request.headers
    caller: Principal | None = getattr(request.state, "principal", None)
    peer = request.client.host if request.client else ""
    if caller is not None and caller.is_service:
        return Client(headers.get("x-client-address", peer), headers.get("x-client-agent", ""))
    return Client(peer, headers.get("user-agent", "")[:400])


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a numbered list is asked for."""

    page: int
    page_size: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


async def page(
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1, page_size: Annotated[int, Query(ge=1, le=100)] = 10
) -> Page:
    """Dependency: `page` from 1, `page_size` 1 to 100, default 10."""
    return Page(page, page_size)


class _App(FastAPI):
    """What a lean route answers passes nothing of FastAPI's; the rest not its telemetry, which ours stands in for."""

    door: LeanDoor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await (self.door if scope["type"] == "http" else super().__call__)(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What no lean route answers."""
        await Starlette.__call__(self, scope, receive, send)


def create_app(
    name: str,
    settings: CommonSettings,
    verifier: TokenVerifier,
    table: ErrorTable,
    checks: Mapping[str, Check],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    **options: Any,
) -> FastAPI:
    """The application of one service: routers are added to it, made by `router()`.

    `checks` decide readiness, `table` gives domain errors their status and sentence. Its own endpoints:
    `/health/live`, `/health/ready`, `/metrics`, `/version`.
    """
    app = _App(title=name, lifespan=lifespan, **({"openapi_url": None, "docs_url": None, "redoc_url": None} | options))
    app.router.route_class = StrictRoute
    app.state.verifier = verifier
    app.state.lean = LeanTable()
    edge = functools.partial(Edge, name=name, body_bytes_max=settings.body_max_bytes, unexpected=_unexpected)
    app.add_middleware(edge)
    app.door = LeanDoor(app.answer, app.state.lean, around=edge, refused=refusal_response)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_http)
    for kind, (status, sentence) in table.items():
        app.add_exception_handler(kind, _answering(status, sentence))
    _add_own_endpoints(app, name, checks)
    return app


def _add_own_endpoints(app: FastAPI, name: str, checks: Mapping[str, Check]) -> None:
    @app.get("/health/live")
    @public
    async def live() -> Response:
        return json_response({"status": "live"})

    @app.get("/health/ready")
    @public
    async def ready() -> Response:
        answers = await readiness(checks)
        is_ready = all(answers.values())
        return json_response(
            {"status": "ready" if is_ready else "not_ready", "checks": answers}, 200 if is_ready else 503
        )

    @app.get("/metrics")
    @public
    async def exposed() -> Response:
        body, content_type = metrics.exposition()
        return Response(body, media_type=content_type)

    @app.get("/version")
    @public
    async def told() -> Response:
        return json_response({"service": name, "version": version()})


def version() -> str:
    """The program's version; `0` where it runs without being installed."""
    try:
        return importlib.metadata.version("mccs")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON as fast as it gets; for endpoints that return a Response of their own."""
    return Response(orjson.dumps(value), status, dict(headers or {}), "application/json")


def refusal_response(refusal: Refusal) -> Response:
    """A refusal as every service answers it."""
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json_response({"errors": [problem.to_json() for problem in refusal.problems]}, refusal.status, headers)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal_response(error)


async def _on_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return refusal_response(Refusal(400, problems_of(error.errors())))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Refusal):
        return refusal_response(error.__cause__)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed_request")
    response = refusal_response(Refusal.of(error.status_code, code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


def _answering(status: int, sentence: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        words = {name: getattr(error, name) for name in dir(error) if not name.startswith("_")}
        code = str(getattr(error, "code", type(error).__name__))
        field = getattr(error, "field", None)
        return refusal_response(Refusal.of(status, code, sentence.format(**words), field))

    return answer


def problems_of(errors: Sequence[Any]) -> list[Problem]:
    """pydantic's findings in our shape, each with its field as a path: `offers.0`."""
    problems = []
    for error in errors:
        place = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
        kind = str(error["type"])
        context_of = error.get("ctx") or {}
        code = getattr(context_of.get("error"), "code", None) or _NAMES.get(kind, "invalid")
        message = str(error["msg"]).removeprefix("Value error, ")
        problems.append(Problem(str(code), message, ".".join(place) or None))
    return problems


def _unexpected(request_id: str) -> Response:
    return refusal_response(
        Refusal.of(500, "unexpected", f"Something unexpected went wrong; tell us the request id {request_id}.")
    )
