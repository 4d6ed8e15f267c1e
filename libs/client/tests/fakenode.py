"""A node as far as the client sees it: answers, keeps keys, and fails as it is told to."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

Trouble = Callable[[httpx2.Request, "FakeNode"], httpx2.Response | None]
ROSA = {
    "id": "e1",
    "accountNumber": "1234567812345670",
    "name": "Bakery Rosa",
    "offers": [],
    "wants": [],
    "categories": [],
}


def lost_before(request: httpx2.Request, node: "FakeNode") -> None:
    """The request does not arrive."""
    raise httpx2.ConnectError("refused", request=request)


def lost_after(request: httpx2.Request, node: "FakeNode") -> None:
    """The request is carried out and its answer gets lost."""
    node.carry_out(request)
    raise httpx2.ReadError("broken off", request=request)


def answering(status: int, retry_after: str | None = None) -> Trouble:
    """The node says no."""

    def trouble(request: httpx2.Request, node: "FakeNode") -> httpx2.Response:
        headers = {"X-Request-Id": "r1"} | ({} if retry_after is None else {"Retry-After": retry_after})
        shape = {"errors": [{"message": "Not now.", "code": "service_away", "field": "x"}]}
        return httpx2.Response(status, json=shape, headers=headers)

    return trouble


@dataclass
class FakeNode:
    """`troubles` happen first, one a request. `transfers` is what really happened."""

    troubles: list[Trouble] = field(default_factory=list)
    seen: list[httpx2.Request] = field(default_factory=list)
    transfers: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, httpx2.Response] = field(default_factory=dict)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self.handle)

    def sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)

    async def asleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        await asyncio.sleep(0)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        if self.troubles:
            answer = self.troubles.pop(0)(request, self)
            if answer is not None:
                return answer
        return self.carry_out(request)

    def carry_out(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers.get("idempotency-key")
        if key in self.kept:
            return self.kept[key]
        answer = self._answer(request)
        if key is not None:
            self.kept[key] = answer
        return answer

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        special = self.answers.get((request.method, path))
        if special is not None:
            return special if isinstance(special, httpx2.Response) else httpx2.Response(200, json=special)
        if path in ("/login", "/admin/login", "/signup"):
            return httpx2.Response(200, json={"data": {"token": "t1", "userID": "u1", "entityID": "e1"}})
        if path == "/user/entities":
            return httpx2.Response(200, json={"data": [ROSA]})
        if (request.method, path) in (("POST", "/transfers"), ("POST", "/admin/transfers")):
            body = json.loads(request.content)
            self.transfers.append(body)
            shape = {"id": f"t{len(self.transfers)}", "amount": body["amount"], "status": "transferInitiated"}
            return httpx2.Response(200, json={"data": shape})
        return httpx2.Response(200, json={"data": None})
