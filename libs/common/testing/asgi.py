"""Requests to an application in process, as a client sees the answers."""

from dataclasses import dataclass
from typing import Any

import orjson

from libs.common.auth import ServiceTokens
from libs.common.errors import Refusal
from libs.common.peers import Answer, Caller
from libs.common.peers_local import LocalPeers
from libs.common.testing.tokens import SECRET


@dataclass
class _Named:
    """Just enough of a service to be called."""

    name: str
    api: Any

    async def start(self, role: Any) -> None:
        """Is started by the test."""

    async def stop(self) -> None:
        """Is stopped by the test."""


@dataclass(frozen=True)
class Told:
    """An answer of any status."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def codes(self) -> list[str]:
        """The problems' codes of a refusal."""
        return [problem["code"] for problem in self.body["errors"]]


class Client:
    """Calls `api`; without a token it speaks as the service `speaker`."""

    def __init__(self, api: Any, name: str = "tested", *, speaker: str = "gateway") -> None:
        self._name = name
        self._peers = LocalPeers({name: _Named(name, api)}, ServiceTokens(SECRET, speaker))

    async def __call__(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **given: Any
    ) -> Told:
        """One request; refusals are answers here."""
        callers = {
            name: given.pop(name)
            for name in ("request_id", "client_address", "user_agent", "idempotency_key")
            if name in given
        }
        try:
            answer: Answer = await self._peers.call(
                self._name, method, path, caller=Caller(token=token, **callers), body=body, **given
            )
        except Refusal as refusal:
            shape = {"errors": [problem.to_json() for problem in refusal.problems]}
            after = {} if refusal.retry_after_s is None else {"retry-after": str(refusal.retry_after_s)}
            return Told(refusal.status, shape, after)
        is_json = "json" in answer.headers.get("content-type", "")
        return Told(
            answer.status, orjson.loads(answer.body) if is_json and answer.body else answer.body, dict(answer.headers)
        )
