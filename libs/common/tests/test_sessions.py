"""News of ended sessions and changed keys reach every verifier, also what passed while nobody listened."""

from datetime import UTC, datetime, timedelta
from functools import partial

import orjson
import pytest

from libs.common.clock import rfc3339
from libs.common.contracts.identity import KeysRotatedV1, SessionEndedV1
from libs.common.errors import Refusal
from libs.common.peers import Answer, away
from libs.common.sessions import watch_sessions
from libs.common.testing import eventually
from libs.common.testing.tokens import TokenMaker, soon


class Identity:
    """Identity as far as it tells of ended sessions."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.is_away = False
        self.asked = 0

    async def call(self, service, method, path, *, caller):
        self.asked += 1
        if self.is_away:
            raise away("identity", "test")
        assert (service, method, path) == ("identity", "GET", "/revocations")
        items = [{"session_id": name, "tokens_expire_at": rfc3339(soon(60))} for name in self.ended]
        return Answer(200, {}, orjson.dumps({"items": items}))


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def maker():
    return TokenMaker()


async def _is_refused(verifier, token):
    try:
        await verifier.verify(token)
    except Refusal as refusal:
        return refusal.problems[0].code
    return ""


def _told(event, subject="x"):
    return event.envelope(subject=subject, sequence=1, time=datetime.now(UTC))


async def test_an_ended_session_is_refused_by_every_verifier_within_a_second(memory_bus, identity, maker):
    verifiers = [maker.verifier("ledger"), maker.verifier("directory")]
    await watch_sessions(memory_bus, identity, verifiers)
    token = maker.user(session_id="s-1")
    for verifier in verifiers:
        await verifier.verify(token)
    ended = SessionEndedV1(
        session_id="s-1", user_id="u", reason="logout", tokens_expire_at=datetime.now(UTC) + timedelta(hours=1)
    )
    await memory_bus.publish([_told(ended)])
    for verifier in verifiers:
        await eventually(partial(_is_refused, verifier, token), within_s=1)
        assert await _is_refused(verifier, token) == "session_ended"


async def test_what_ended_before_we_listened_is_asked_for(memory_bus, identity, maker):
    identity.ended = ["s-1"]
    verifier = maker.verifier("ledger")
    await watch_sessions(memory_bus, identity, [verifier])
    assert await _is_refused(verifier, maker.user(session_id="s-1")) == "session_ended"


async def test_identity_may_start_later(memory_bus, identity, maker):
    identity.is_away, identity.ended = True, ["s-1"]
    verifier = maker.verifier("ledger")
    await watch_sessions(memory_bus, identity, [verifier])
    await eventually(lambda: identity.asked >= 2)
    identity.is_away = False
    await eventually(lambda: _is_refused(verifier, maker.user(session_id="s-1")))


async def test_a_rotation_of_keys_is_heard(memory_bus, identity, maker):
    verifier = maker.verifier("ledger")
    await watch_sessions(memory_bus, identity, [verifier])
    old = maker.user()
    await verifier.verify(old)
    fresh = TokenMaker("key-2")
    maker.kid, maker.key = fresh.kid, fresh.key
    await memory_bus.publish([_told(KeysRotatedV1(kids=["key-2"]))])
    await eventually(lambda: _is_refused(verifier, old), within_s=1)
    assert await _is_refused(verifier, maker.user()) == ""
