"""What machines ask: health, version, figures, and the keys by which tokens are checked."""

from collections.abc import Awaitable, Callable

import orjson

from gateway.api.answering import refusal_body, refusal_headers, send_whole
from gateway.context import GatewayContext
from gateway.edge import Receive, Scope, Send
from gateway.networks import belongs, networks
from libs.common import metrics
from libs.common.errors import Refusal
from libs.common.health import Check, readiness
from libs.common.peers import Caller
from libs.common.settings import SERVICES
from libs.common.web import version

NEEDED = "identity"
"""Without it nobody gets in. Without any other service the rest keeps working, so the gateway stays ready and says so."""
_KEYS_CACHE = (b"cache-control", b"public, max-age=60")
_NOT_STORED = (b"cache-control", b"no-store")


class Machine:
    """Answers the paths of `gateway.edge.MACHINE_PATHS`."""

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._may_read_metrics = networks(context.settings.metrics_from)
        self._answers: dict[str, Callable[[Scope], Awaitable[tuple[int, bytes, bytes]]]] = {
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/version": self._version,
            "/metrics": self._metrics,
            "/.well-known/jwks.json": self._keys,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/")
        headers = [_KEYS_CACHE if path.startswith("/.well-known") else _NOT_STORED]
        scope["state"]["route"] = "machine"
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                headers.append((b"allow", b"GET, HEAD"))
                raise Refusal.of(405, "method_not_allowed", "This address is only for reading.")
            status, body, kind = await self._answers[path](scope)
        except Refusal as refusal:
            status, body, kind = refusal.status, refusal_body(refusal), b"application/json"
            headers = [_NOT_STORED, *headers[1:], *refusal_headers(refusal)]
        if status == 503 and not any(name == b"retry-after" for name, _ in headers):
            headers.append((b"retry-after", b"1"))
        await send_whole(send, status, body, headers, content_type=kind, head=scope["method"] == "HEAD")

    async def _live(self, scope: Scope) -> tuple[int, bytes, bytes]:
        return _json({"status": "live"})

    async def _ready(self, scope: Scope) -> tuple[int, bytes, bytes]:
        found = await readiness({name: self._check(name) for name in SERVICES})
        state = "ready" if all(found.values()) else "degraded" if found[NEEDED] else "not_ready"
        return _json({"status": state, "checks": found}, 200 if found[NEEDED] else 503)

    def _check(self, name: str) -> Check:
        async def answers() -> bool:
            answer = await self._context.wiring.peers.call(name, "GET", "/health/ready", caller=Caller(), timeout_s=2.0)
            return answer.status == 200

        return answers

    async def _version(self, scope: Scope) -> tuple[int, bytes, bytes]:
        return _json({"service": "gateway", "version": version()})

    async def _metrics(self, scope: Scope) -> tuple[int, bytes, bytes]:
        """Not for the outside: a request that came through a proxy, or from elsewhere, finds nothing here."""
        state = scope["state"]
        peer = scope["client"][0] if scope.get("client") else ""
        proxied = "x-forwarded-for" in state["headers"] or "forwarded" in state["headers"]
        if proxied or not belongs(peer, self._may_read_metrics):
            raise Refusal.of(404, "not_found", "There is nothing at this address.")
        body, kind = metrics.exposition()
        return 200, body, kind.encode()

    async def _keys(self, scope: Scope) -> tuple[int, bytes, bytes]:
        return _json(await self._context.clients.identity.jwks(Caller(request_id=scope["state"]["request_id"])))


def _json(value: object, status: int = 200) -> tuple[int, bytes, bytes]:
    return status, orjson.dumps(value), b"application/json"
