"""`Client` and `AsyncClient`: the same operations, with and without waiting."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from .errors import Busy, Problem, Refused
from .operations import Operations
from .request import Page, Part, Request
from .retry import BUSY, Policy, seconds_of

Answer = TypeVar("Answer")
Item = TypeVar("Item")

PREFIX = "/api/v1"
_AGENT = "mccs-client/0.1"


class _Base(Operations):
    """What both kinds share: token, address, how a request is put and an answer read."""

    def __init__(
        self, base_url: str, token: str | None, policy: Policy | None, headers: Mapping[str, str] | None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._policy = policy or Policy()
        self._headers = {"User-Agent": _AGENT, "Accept": "application/json"} | dict(headers or {})

    def _headers_of(self, request: Request[Any]) -> dict[str, str]:
        headers = dict(self._headers)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        return headers

    def _read(self, request: Request[Answer], answer: httpx2.Response) -> Answer:
        if answer.status_code >= 300:
            raise refused(answer)
        read = request.read(answer.content)
        if request.session == "take" and isinstance(read, dict):
            self.token = read.get("token", read.get("access_token"))
        elif request.session == "drop":
            self.token = None
        return read


class Client(_Base):
    """Calls a node and waits for its answers. May be used by several threads; close it, or use it in a `with` block.

    `login` and `signup` keep the token for what follows; it can also be given. Requests that could not be answered are
    repeated within `policy`'s bounds where that is safe; those that move credit always carry an idempotency key.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        policy: Policy | None = None,
        timeout_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(base_url, token, policy, headers)
        self._http = httpx2.Client(timeout=timeout_s, transport=transport, follow_redirects=False)
        self._sleep = sleep

    def send(self, request: Request[Answer]) -> Answer:
        """Sends one request, again where it may be; raises Refused or Unreachable."""
        attempts = self._policy.begin(request)
        url = self.base_url + PREFIX + request.path
        while True:
            try:
                answer = self._http.request(
                    request.method,
                    url,
                    params=request.query or None,
                    content=request.body,
                    headers=self._headers_of(request),
                )
            except httpx2.TransportError as fault:
                self._sleep(attempts.after_fault(fault))
                continue
            wait_s = attempts.after_answer(answer.status_code, answer.headers.get("retry-after"))
            if wait_s is None:
                return self._read(request, answer)
            self._sleep(wait_s)

    def each(self, operation: Callable[..., Page[Item] | Part[Item]], *given: Any, **more: Any) -> Iterator[Item]:
        """Every item of a list, part after part: `for tag in client.each(client.tags, fragment="bread")`."""
        following: dict[str, Any] | None = {}
        while following is not None:
            found = operation(*given, **(more | following))
            yield from found.items
            following = _following(found, following)

    def close(self) -> None:
        """Gives connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Base):
    """As `Client`, for asyncio: every operation is awaited."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        policy: Policy | None = None,
        timeout_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(base_url, token, policy, headers)
        self._http = httpx2.AsyncClient(timeout=timeout_s, transport=transport, follow_redirects=False)
        self._sleep = sleep

    async def send(self, request: Request[Answer]) -> Answer:
        """Sends one request, again where it may be; raises Refused or Unreachable."""
        attempts = self._policy.begin(request)
        url = self.base_url + PREFIX + request.path
        while True:
            try:
                answer = await self._http.request(
                    request.method,
                    url,
                    params=request.query or None,
                    content=request.body,
                    headers=self._headers_of(request),
                )
            except httpx2.TransportError as fault:
                await self._sleep(attempts.after_fault(fault))
                continue
            wait_s = attempts.after_answer(answer.status_code, answer.headers.get("retry-after"))
            if wait_s is None:
                return self._read(request, answer)
            await self._sleep(wait_s)

    async def each(
        self, operation: Callable[..., Awaitable[Page[Item]] | Awaitable[Part[Item]]], *given: Any, **more: Any
    ) -> AsyncIterator[Item]:
        """Every item of a list, part after part: `async for tag in client.each(client.tags, fragment="bread")`."""
        following: dict[str, Any] | None = {}
        while following is not None:
            found: Page[Item] | Part[Item] = await operation(*given, **(more | following))
            for item in found.items:
                yield item
            following = _following(found, following)

    async def close(self) -> None:
        """Gives connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _following(found: Page[Any] | Part[Any], now: Mapping[str, Any]) -> dict[str, Any] | None:
    if isinstance(found, Part):
        return None if found.next is None else {**now, "cursor": found.next}
    number = now.get("page", 1)
    return None if number >= found.pages else {**now, "page": number + 1}


def refused(answer: httpx2.Response) -> Refused:
    """The refusal in an answer of 300 and above."""
    kind = Busy if answer.status_code in BUSY else Refused
    return kind(
        answer.status_code,
        _problems(answer),
        request_id=answer.headers.get("x-request-id"),
        retry_after_s=seconds_of(answer.headers.get("retry-after")),
    )


def _problems(answer: httpx2.Response) -> tuple[Problem, ...]:
    try:
        shape = json.loads(answer.content)
        if "error" in shape:  # RFC 6749 section 5.2
            return (Problem(str(shape["error"]), str(shape.get("error_description", ""))),)
        found = tuple(
            Problem(str(each.get("code", "unknown")), str(each.get("message", "")), each.get("field"))
            for each in shape["errors"]
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        found = ()
    return found or (Problem(f"http_{answer.status_code}", answer.reason_phrase or "no reason given"),)
