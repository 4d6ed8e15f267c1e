"""Tokens: what is accepted, and everything that is not."""

import time
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.common.auth import AUDIENCE, ISSUER, SERVICE_ISSUER, SERVICE_TOKEN_TYPE, USER_TOKEN_TYPE, ServiceTokens
from libs.common.errors import Refusal
from libs.common.testing.tokens import SECRET, TokenMaker, soon


@pytest.fixture
def maker():
    return TokenMaker()


@pytest.fixture
def verifier(maker):
    return maker.verifier("ledger")


async def refused(verifier, token):
    with pytest.raises(Refusal) as caught:
        await verifier.verify(token)
    assert caught.value.status == 401
    return caught.value.problems[0].code


async def test_a_persons_token_says_who_speaks(maker, verifier):
    principal = await verifier.verify(maker.user("u-1", role="admin", session_id="s-1"))
    assert (principal.kind, principal.id, principal.role, principal.session_id) == ("user", "u-1", "admin", "s-1")
    assert principal.is_admin
    assert principal.may("propose")
    assert principal.issued_at is not None
    assert principal.expires_at > datetime.now(UTC)


async def test_an_api_key_is_bound_to_its_entity_and_scopes_and_is_never_an_admin(maker, verifier):
    principal = await verifier.verify(maker.api_key("e-1", "read propose", "u-1", role="admin"))
    assert (principal.kind, principal.entity_id) == ("api_key", "e-1")
    assert principal.may("read")
    assert not principal.may("accept")
    assert not principal.is_admin


async def test_a_service_token_is_good_for_its_target_alone(maker, verifier):
    principal = await verifier.verify(maker.service("gateway", "ledger"))
    assert (principal.kind, principal.id, principal.role) == ("service", "gateway", "service")
    assert await refused(verifier, maker.service("gateway", "identity")) == "token_invalid"


async def test_a_service_token_is_made_once_and_again_before_it_ends(monkeypatch):
    tokens = ServiceTokens(SECRET, "gateway")
    first = tokens.token("ledger")
    assert tokens.token("ledger") == first
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 241)
    assert tokens.token("ledger") != first


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "another"}, "token_invalid"),
        ({"aud": None}, "token_invalid"),
        ({"iss": "somebody"}, "token_invalid"),
        ({"sid": None}, "token_invalid"),
        ({"sub": None}, "token_invalid"),
        ({"exp": None}, "token_invalid"),
        ({"exp": 1_000_000}, "token_expired"),
        ({"iat": 4_000_000_000}, "token_invalid"),
        ({"exp": "soon"}, "token_invalid"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(maker, verifier, claims, code):
    assert await refused(verifier, maker.user(**claims)) == code


async def test_a_token_of_no_algorithm_is_refused(maker, verifier):
    claims = jwt.decode(maker.user(), options={"verify_signature": False})
    for kind in (USER_TOKEN_TYPE, SERVICE_TOKEN_TYPE):
        assert (
            await refused(verifier, jwt.encode(claims, "", algorithm="none", headers={"typ": kind})) == "token_invalid"
        )


async def test_a_token_signed_with_the_public_key_as_if_it_were_a_secret_is_refused(maker, verifier):
    claims = jwt.decode(maker.user(), options={"verify_signature": False})
    raw = maker.key.public_key().public_bytes_raw()
    for kind in (USER_TOKEN_TYPE, SERVICE_TOKEN_TYPE):
        forged = jwt.encode(claims, raw, algorithm="HS256", headers={"typ": kind, "kid": maker.kid})
        assert await refused(verifier, forged) == "token_invalid"


async def test_a_token_of_another_type_is_refused(maker, verifier):
    claims = jwt.decode(maker.user(), options={"verify_signature": False})
    forged = jwt.encode(claims, maker.key, algorithm="EdDSA", headers={"typ": "JWT", "kid": maker.kid})
    assert await refused(verifier, forged) == "token_invalid"


async def test_a_token_of_another_key_under_a_known_name_is_refused(maker, verifier):
    assert await refused(verifier, TokenMaker().user()) == "token_invalid"


async def test_a_token_of_an_algorithm_that_is_not_its_keys_is_refused(maker, verifier):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "sid": "s", "iat": now, "exp": now + 60}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims, other, algorithm="RS256", headers={"typ": USER_TOKEN_TYPE, "kid": maker.kid})
    assert await refused(verifier, forged) == "token_invalid"


async def test_a_service_token_that_lives_too_long_is_refused(verifier):
    now = int(time.time())
    claims = {"iss": SERVICE_ISSUER, "sub": "gateway", "aud": "ledger", "iat": now, "exp": now + 86_400}
    token = jwt.encode(claims, SECRET, algorithm="HS256", headers={"typ": SERVICE_TOKEN_TYPE})
    assert await refused(verifier, token) == "token_invalid"


async def test_a_service_token_of_another_secret_is_refused(verifier):
    assert await refused(verifier, ServiceTokens("x" * 40, "gateway").token("ledger")) == "token_invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü.ü.ü", "e30.e30.e30", "x" * 10_000, "\ud800"])
async def test_what_is_no_token_at_all_is_refused(verifier, token):
    assert await refused(verifier, token) == "token_invalid"


async def test_an_unknown_key_is_asked_for_but_not_for_every_forged_name(maker, verifier):
    await verifier.verify(maker.user())
    assert maker.fetches == 1
    for n in range(20):
        stranger = TokenMaker(f"made-up-{n}")
        assert await refused(verifier, stranger.user()) == "token_invalid"
    assert maker.fetches == 1


async def test_after_news_of_a_rotation_the_new_key_counts_and_the_old_one_no_more(maker, verifier):
    old = maker.user()
    await verifier.verify(old)
    fresh = TokenMaker("key-2")
    maker.kid, maker.key = fresh.kid, fresh.key
    verifier.forget_keys()
    assert (await verifier.verify(maker.user("u-2"))).id == "u-2"
    assert await refused(verifier, old) == "token_invalid"


async def test_a_token_seen_before_ends_with_its_time(maker, verifier, monkeypatch):
    token = maker.user()
    await verifier.verify(token)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert await refused(verifier, token) == "token_expired"


async def test_an_ended_session_is_refused_also_for_a_token_seen_before(maker, verifier):
    token, other = maker.user(session_id="s-1"), maker.user(session_id="s-2")
    await verifier.verify(token)
    verifier.forget_session("s-1", soon())
    assert await refused(verifier, token) == "session_ended"
    assert await refused(verifier, maker.user(session_id="s-1")) == "session_ended"
    assert (await verifier.verify(other)).session_id == "s-2"


async def test_an_ended_session_is_forgotten_when_its_last_token_has_run_out(maker, verifier, monkeypatch):
    verifier.forget_session("s-1", soon(60))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 120)
    verifier.forget_session("s-2", soon(240))
    assert set(verifier._ended) == {"s-2"}


async def test_the_memory_of_verified_tokens_is_bounded(maker, verifier, monkeypatch):
    monkeypatch.setattr("libs.common.auth._REMEMBERED_MAX", 3)
    for n in range(5):
        await verifier.verify(maker.user(f"u-{n}"))
    assert len(verifier._seen) == 3
