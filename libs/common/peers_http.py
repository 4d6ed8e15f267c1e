"""The door to other services over HTTP: kept connections, a time limit on every call."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import orjson

from libs.common.auth import ServiceTokens
from libs.common.errors import Refusal
from libs.common.http_client import Host
from libs.common.peers import Answer, Caller, Query, StreamedAnswer, away, refusal_of, request_headers, target

_CONNECTIONS_PER_HOST_MAX = 100
_REFUSAL_BYTES_MAX = 1024 * 1024


class HttpPeers:
    """Calls services at the addresses given by name, or all through one Unix socket; speaks for itself by `tokens`."""

    def __init__(self, urls: Mapping[str, str], tokens: ServiceTokens, *, unix_socket: str | None = None) -> None:
        self._hosts = {
            name: Host(url, connections_max=_CONNECTIONS_PER_HOST_MAX, unix_socket=unix_socket)
            for name, url in urls.items()
        }
        self._tokens = tokens

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Query | None = None,
        body: object = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        timeout_s: float = 10.0,
    ) -> Answer:
        payload = raw if raw is not None else orjson.dumps(body) if body is not None else None
        headers = self._headers(service, caller, content_type if payload is not None else None)
        host = self._host(service)
        try:
            head, content = await host.call(method, target(path, query), headers, payload, timeout_s=timeout_s)
        except OSError as fault:
            raise _lost(service, fault) from fault
        if head.status >= 400:
            raise refusal_of(head.status, head.headers, content)
        return Answer(head.status, head.headers, content)

    @asynccontextmanager
    async def stream(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        query: Query | None = None,
        timeout_s: float = 60.0,
    ) -> AsyncIterator[StreamedAnswer]:
        headers = self._headers(service, caller, None)
        opened = self._host(service).stream(method, target(path, query), headers, timeout_s=timeout_s)
        try:
            async with opened as (head, chunks):
                if head.status >= 400:
                    raise refusal_of(head.status, head.headers, await _beginning(chunks))
                yield StreamedAnswer(head.status, head.headers, chunks)
        except OSError as fault:
            raise _lost(service, fault) from fault

    async def close(self) -> None:
        for host in self._hosts.values():
            host.close()

    def _host(self, service: str) -> Host:
        host = self._hosts.get(service)
        if host is None:
            raise away(service, "no address is set")
        return host

    def _headers(self, service: str, caller: Caller, content_type: str | None) -> dict[str, str]:
        return request_headers(caller, lambda: self._tokens.token(service), content_type)


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Of a refusal: no longer than one may be."""
    told = b""
    async for chunk in chunks:
        told += chunk
        if len(told) > _REFUSAL_BYTES_MAX:
            break
    return told


def _lost(service: str, fault: OSError) -> Refusal:
    """What went wrong on the way (broken answers and time-outs are OSErrors as well) is a Refusal 503."""
    return away(service, "timeout" if isinstance(fault, TimeoutError) else type(fault).__name__)
