"""Keeps every verifier of a process told of ended sessions and changed keys."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.auth import JwksVerifier
from libs.common.bus.port import Bus
from libs.common.contracts.identity import KeysRotatedV1, SessionEndedV1
from libs.common.envelope import Envelope
from libs.common.peers import Caller, Peers


async def watch_sessions(bus: Bus, peers: Peers, verifiers: Sequence[JwksVerifier]) -> None:
    """Hears identity's broadcasts; after every (re)connect asks for what was ended meanwhile (`GET /revocations`)."""

    async def ended(envelope: Envelope) -> None:
        event = SessionEndedV1.read(envelope.data)
        for verifier in verifiers:
            verifier.forget_session(event.session_id, event.tokens_expire_at)

    async def rotated(envelope: Envelope) -> None:
        for verifier in verifiers:
            verifier.forget_keys()

    async def snapshot() -> None:
        answer = await peers.call("identity", "GET", "/revocations", caller=Caller())
        for item in answer.json()["items"]:
            for verifier in verifiers:
                verifier.forget_session(item["session_id"], datetime.fromisoformat(item["tokens_expire_at"]))

    await bus.listen({SessionEndedV1.TYPE: ended, KeysRotatedV1.TYPE: rotated}, on_connected=snapshot)
