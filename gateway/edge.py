"""The outermost layer: who sent a request, its id, where it goes, and what is told of it in log, figures and traces."""

import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson
import structlog

from gateway.networks import client_address, networks
from gateway.rates import Rates
from gateway.settings import Settings
from libs.common import context, logs, metrics, telemetry
from libs.common.errors import Refusal
from libs.common.ids import new_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MACHINE_PATHS = frozenset({"/health/live", "/health/ready", "/version", "/metrics", "/.well-known/jwks.json"})
_log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}\Z", re.ASCII)
_AGENT_MAX = 300


class Edge:
    """Puts `request_id`, `client_address`, `user_agent`, `headers` and `rates` into `scope["state"]` and sends the
    request on: `/api` to the API, what machines ask to `machine`, all else to the pages."""

    def __init__(self, settings: Settings, *, api: App, machine: App, pages: App) -> None:
        self._api = api
        self._machine = machine
        self._pages = pages
        self._rates = Rates(settings.rate_per_minute)
        self._proxies = networks(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        state = scope.setdefault("state", {})
        request_id = self._introduce(scope, state, headers)
        mark = context.request_id.set(request_id)
        status = 0

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        kind, app = self._place(scope["path"])
        try:
            with telemetry.span(f"{scope['method']} gateway", headers.get("traceparent")):
                await app(scope, receive, send_with_id)
        except Exception:
            if status:
                raise  # the answer has begun: the server can only break it off
            _log.exception("unexpected", route=state.get("route", kind))
            await _send_broken(send_with_id, request_id)
        finally:
            _tell(scope["method"], state.get("route", kind), status or 500, time.perf_counter() - began)
            context.request_id.reset(mark)

    def _introduce(self, scope: Scope, state: dict[str, Any], headers: dict[str, str]) -> str:
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.match(given) else new_id()
        peer = scope["client"][0] if scope.get("client") else ""
        state["request_id"] = request_id
        forwarded = headers.get("x-forwarded-for")
        if forwarded is not None and self._proxies:
            forwarded = _in_one_line(scope["headers"], b"x-forwarded-for")
        state["client_address"] = client_address(peer, forwarded, self._proxies)
        state["user_agent"] = headers.get("user-agent", "")[:_AGENT_MAX]
        state["headers"] = headers
        state["rates"] = self._rates
        return request_id

    def _place(self, path: str) -> tuple[str, App]:
        if path.startswith("/api/") or path == "/api":
            return "api", self._api
        if (path.rstrip("/") or "/") in MACHINE_PATHS:
            return "machine", self._machine
        return "page", self._pages


def broken(request_id: str) -> Refusal:
    """What nobody expected, for whoever asked: by the request id the log tells more."""
    return Refusal.of(500, "internal", f"Something went wrong here. Request {request_id}.")


async def _send_broken(send: Send, request_id: str) -> None:
    """What nobody expected, told like every other refusal: the request id and nothing else."""
    [problem] = broken(request_id).problems
    body = orjson.dumps({"errors": [{"message": problem.message, "code": problem.code}]})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _in_one_line(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """Each proxy may have added a line of its own: together they are one list (RFC 9110, section 5.3)."""
    return ",".join(value.decode("latin-1") for each, value in headers if each == name)


def _tell(method: str, route: str, status: int, took_s: float) -> None:
    """Never the path itself: it may hold a token of a mailed link."""
    metrics.answered("gateway", method, route, status, took_s)
    if route != "machine":
        logs.request("gateway", method, route, status, took_s)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Whoever runs the gateway starts and stops it; the server's own signals need only an answer."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
