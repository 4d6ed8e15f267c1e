"""The Python client's way to a node's own gateway: through its peers, without a port and without a rate limit."""

import httpx2

from libs.common.errors import Refusal
from libs.common.peers import Caller, Peers

TIMEOUT_S = 30.0


class PeersTransport(httpx2.AsyncBaseTransport):
    """Hands requests to the gateway in process, or through the operator's socket, in the name of the node."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; a refusal is an answer like any other."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        path, _, query = request.url.raw_path.decode().partition("?")
        pairs: dict[str, str | int | bool | list[str]] = dict(httpx2.QueryParams(query).items())
        try:
            answer = await self._peers.call(
                "gateway",
                request.method,
                path,
                caller=Caller(
                    token=bearer or None, as_node=True, idempotency_key=request.headers.get("idempotency-key")
                ),
                query=pairs or None,
                raw=await request.aread() or None,
                content_type=request.headers.get("content-type", "application/json"),
                timeout_s=TIMEOUT_S,
            )
        except Refusal as refusal:
            problems = [problem.to_json() for problem in refusal.problems]
            headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s is not None else {}
            return httpx2.Response(refusal.status, headers=headers, json={"errors": problems})
        return httpx2.Response(answer.status, content=answer.body, headers={"Content-Type": "application/json"})
