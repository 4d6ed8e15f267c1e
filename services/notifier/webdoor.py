"""The way out to other programs: one signed POST, to public addresses only.

Names are resolved here and a private address is refused at the moment of connecting, so that a name cannot point inside
later. Redirects are not followed.
"""

import base64
import hashlib
import hmac
import ipaddress
import secrets
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

URL_LENGTH_MAX = 500
ANSWER_MAX_BYTES = 1_000
KEY_PREFIX = "whsec_"
KEY_BYTES = 32


class HookRefused(Exception):  # noqa: N818  an answer
    """The program did not take it."""


def problem_of(url: str, *, allow_private: bool) -> str | None:
    """A sentence about what is wrong with an address, None where nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is not a web address."
    if parts.scheme not in ("http", "https") or not host or len(url) > URL_LENGTH_MAX or not url.isprintable():
        return "This is not a web address."
    if parts.username or parts.password:
        return "The address must not hold a password."
    if not allow_private and parts.scheme != "https":
        return "The address must begin with https://."
    if not allow_private and (host == "localhost" or not _is_public(host, otherwise=True)):
        return "The address must be a public one."
    return None


def new_secret() -> str:
    """A key for signatures as Standard Webhooks 1.0 writes it: `whsec_<base64>`."""
    return KEY_PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over id, time and body, as Standard Webhooks 1.0 has it: `v1,<base64>`; the key is what the secret encodes."""
    key = base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class PublicResolver(AbstractResolver):
    """Resolves names and drops every address that is not public."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [one for one in await self._inner.resolve(host, port, family) if _is_public(one["host"])]
        if not found:
            raise OSError(f"{host} has no public address")
        return found

    async def close(self) -> None:
        await self._inner.close()


class WebDoor:
    """Posts; keeps no state but connections."""

    def __init__(self, *, timeout_s: float, allow_private: bool) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        """Returns when the program answered with 2xx; raises HookRefused."""
        wrong = problem_of(url, allow_private=self._allow_private)
        if wrong:
            raise HookRefused(wrong)
        try:
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(ANSWER_MAX_BYTES)
                if not 200 <= answer.status < 300:
                    raise HookRefused(f"answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise HookRefused(f"did not answer: {type(fault).__name__}: {fault}"[:500]) from fault

    async def close(self) -> None:
        """Gives connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            options: dict[str, Any] = {} if self._allow_private else {"resolver": PublicResolver()}
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(**options), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


def _is_public(address: str, *, otherwise: bool = False) -> bool:
    """Whether this is a public IP address; `otherwise` where it is a name."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_global
    except ValueError:
        return otherwise
