"""The ASGI layer around every service: request id, body limit, metrics, one log line, and 500 for what nobody expected."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect

from libs.common import context, courtesy, logs, metrics, telemetry
from libs.common.errors import Refusal
from libs.common.ids import new_id

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}\Z", re.ASCII)


class Edge:
    """The layer around an application. `unexpected` makes the answer 500 for a request id."""

    def __init__(self, app: App, name: str, body_bytes_max: int, unexpected: Callable[[str], App]) -> None:
        self._app = app
        self._name = name
        self._body_bytes_max = body_bytes_max
        self._unexpected = unexpected

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _request_id(headers)
        mark = context.request_id.set(request_id)
        began = time.perf_counter()
        answer = _Answer(send, request_id)
        limited = _Limited(scope, receive, headers, self._body_bytes_max)
        courtesy.begin()
        try:
            traceparent = headers.get(b"traceparent", b"").decode("latin-1") or None
            with telemetry.span(f"{scope['method']} {self._name}", traceparent):
                await self._app(scope, limited.receive, answer.send)
        except asyncio.CancelledError:
            raise
        except ClientDisconnect:
            _log.debug("client_left", method=scope["method"], route=_route(scope))  # there is nobody to answer
        except Exception:
            _log.exception("unexpected", method=scope["method"], route=_route(scope))  # a path may hold a token
            if answer.status:
                raise  # the answer has begun: the server can only break it off
            await self._unexpected(request_id)(scope, receive, answer.send)
        finally:
            courtesy.end()
            self._tell(scope, answer.status, time.perf_counter() - began)
            context.request_id.reset(mark)

    def _tell(self, scope: MutableMapping[str, Any], status: int, took_s: float) -> None:
        route = _route(scope)
        metrics.answered(self._name, scope["method"], route, status, took_s)
        if not route.startswith(("/health/", "/metrics")):
            logs.request(self._name, scope["method"], route, status, took_s)


def _route(scope: MutableMapping[str, Any]) -> str:
    """The path with the names of its parameters; a router's prefix is not in the route and taken from the path."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return "unknown"
    before = str(scope["path"]).count("/") - path.count("/")
    return "/".join(str(scope["path"]).split("/")[: before + 1]) + path if before > 0 and ":path}" not in path else path


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.match(given) else new_id()


class _Answer:
    """Passes the answer on with the request id in it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.status = 0
        self._send = send
        self._request_id = request_id.encode("latin-1")

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id)]
        await self._send(message)


class _Limited:
    """Hands on the body as long as it keeps to the limit: the route's own (`body_limit`), else the setting."""

    def __init__(
        self, scope: MutableMapping[str, Any], receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._length = headers.get(b"content-length", b"")
        self._bytes_max = bytes_max
        self._read = 0

    async def receive(self) -> MutableMapping[str, Any]:
        bytes_max = self._scope.get("body_bytes_max", self._bytes_max)
        if self._length.isdigit() and int(self._length) > bytes_max:
            raise _too_large(bytes_max)
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > bytes_max:
            raise _too_large(bytes_max)
        return message


def _too_large(bytes_max: int) -> Refusal:
    return Refusal.of(413, "body_too_large", f"The body must have at most {bytes_max} bytes.")
