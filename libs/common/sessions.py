"""Keeps every verifier of a process told of ended sessions and changed keys."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from libs.common.auth import JwksVerifier
from libs.common.bus.port import Bus
from libs.common.contracts.identity import KeysRotatedV1, SessionEndedV1
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.peers import Caller, Peers

_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 5.0
_log = structlog.get_logger(__name__)


async def watch_sessions(bus: Bus, peers: Peers, verifiers: Sequence[JwksVerifier]) -> None:
    """Hears identity's broadcasts; after every (re)connect asks for what was ended meanwhile (`GET /revocations`)."""
    watch = _Watch(peers, verifiers)
    await bus.listen({SessionEndedV1.TYPE: watch.ended, KeysRotatedV1.TYPE: watch.rotated}, on_connected=watch.snapshot)


class _Watch:
    def __init__(self, peers: Peers, verifiers: Sequence[JwksVerifier]) -> None:
        self._peers = peers
        self._verifiers = verifiers
        self._retrying: asyncio.Task[None] | None = None

    async def ended(self, envelope: Envelope) -> None:
        event = SessionEndedV1.read(envelope.data)
        for verifier in self._verifiers:
            verifier.forget_session(event.session_id, event.tokens_expire_at)

    async def rotated(self, envelope: Envelope) -> None:
        for verifier in self._verifiers:
            verifier.forget_keys()

    async def snapshot(self) -> None:
        try:
            await self._ask()
        except Refusal:  # identity may start later than we do
            self._retrying = asyncio.create_task(self._ask_until_answered(), name="revocations")

    async def _ask(self) -> None:
        answer = await self._peers.call("identity", "GET", "/revocations", caller=Caller())
        for item in answer.json()["items"]:
            for verifier in self._verifiers:
                verifier.forget_session(item["session_id"], datetime.fromisoformat(item["tokens_expire_at"]))

    async def _ask_until_answered(self) -> None:
        pause_s = _PAUSE_FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._ask()
            except Refusal as refusal:
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
                _log.warning("sessions.unknown", why=str(refusal), pause_s=pause_s)
            else:
                return
