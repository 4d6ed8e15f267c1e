"""The door to other services over HTTP: pooled connections, a time limit on every call."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from libs.common.auth import ServiceTokens
from libs.common.peers import Answer, Caller, Query, StreamedAnswer, away, refusal_of, request_headers, target

_CONNECTIONS_MAX = 400
_CONNECTIONS_PER_HOST_MAX = 100
_KEEP_ALIVE_S = 30  # less than what the servers wait (libs.common.run)
_CONNECT_TIMEOUT_S = 3.0
_CHUNK_BYTES = 65_536


class HttpPeers:
    """Calls services at the addresses given by name, or all through one Unix socket; speaks for itself by `tokens`."""

    def __init__(self, urls: Mapping[str, str], tokens: ServiceTokens, *, unix_socket: str | None = None) -> None:
        self._unix_socket = unix_socket
        self._urls = {name: url.rstrip("/") for name, url in urls.items()}
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None

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
        async with self._request(
            service, method, target(path, query), caller, payload, content_type, aiohttp.ClientTimeout(
                total=timeout_s, sock_connect=min(timeout_s, _CONNECT_TIMEOUT_S)
            )
        ) as response:  # fmt: skip
            content = await response.read()
            return Answer(response.status, _lowered(response), content)

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
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S, sock_read=timeout_s)
        async with self._request(service, method, target(path, query), caller, None, None, timeout) as response:
            yield StreamedAnswer(response.status, _lowered(response), response.content.iter_chunked(_CHUNK_BYTES))

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _request(
        self,
        service: str,
        method: str,
        wanted: str,
        caller: Caller,
        payload: bytes | None,
        content_type: str | None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        base = self._urls.get(service)
        if base is None:
            raise away(service, "no address is set")
        headers = request_headers(
            caller, lambda: self._tokens.token(service), content_type if payload is not None else None
        )
        try:
            async with self._opened().request(
                method,
                URL(base + wanted, encoded=True),
                data=payload,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status >= 400:
                    raise refusal_of(response.status, _lowered(response), await response.read())
                yield response
        except TimeoutError:
            raise away(service, "timeout") from None
        except aiohttp.ClientError as fault:
            raise away(service, type(fault).__name__) from fault

    def _opened(self) -> aiohttp.ClientSession:
        """Made at the first call: a session belongs to the running loop."""
        if self._session is None or self._session.closed:
            limits: dict[str, Any] = {
                "limit": _CONNECTIONS_MAX,
                "limit_per_host": _CONNECTIONS_PER_HOST_MAX,
                "keepalive_timeout": _KEEP_ALIVE_S,
            }
            connector = (
                aiohttp.UnixConnector(self._unix_socket, **limits)
                if self._unix_socket
                else aiohttp.TCPConnector(**limits)
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
            )
        return self._session


def _lowered(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
