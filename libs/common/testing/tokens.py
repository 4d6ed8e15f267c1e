"""Tokens as identity and services make them, for tests: a signing key with its published form, and a verifier of it."""

import time
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from libs.common.auth import AUDIENCE, ISSUER, USER_TOKEN_TYPE, JwksVerifier, ServiceTokens
from libs.common.ids import new_id
from libs.common.peers import Answer, Caller

SECRET = "secret-of-the-services-in-all-tests"  # noqa: S105


class TokenMaker:
    """Signs tokens of people with a key of its own; `verifier` trusts exactly that key and the tests' service secret."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.key = Ed25519PrivateKey.generate()
        self.fetches = 0

    def user(self, user_id: str | None = None, *, role: str = "member", session_id: str = "", **claims: Any) -> str:
        """A person's token, good for an hour; `claims` are added or replaced (None leaves one out)."""
        now = int(time.time())
        given: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id or new_id(),
            "role": role,
            "sid": session_id or new_id(),
            "iat": now,
            "exp": now + 3600,
        }
        chosen = {name: value for name, value in (given | claims).items() if value is not None}
        return jwt.encode(chosen, self.key, algorithm="EdDSA", headers={"typ": USER_TOKEN_TYPE, "kid": self.kid})

    def api_key(self, entity_id: str, scopes: str, user_id: str | None = None, **claims: Any) -> str:
        """An API key's token: acts for one entity, with these scopes separated by blanks."""
        return self.user(user_id, kind="api_key", ent=entity_id, scope=scopes, **claims)

    def service(self, name: str, target: str) -> str:
        """The token with which service `name` speaks to `target`."""
        return ServiceTokens(SECRET, name).token(target)

    def jwks(self) -> dict[str, Any]:
        """What identity would answer at `GET /jwks`."""
        shape = OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [shape | {"kid": self.kid, "alg": "EdDSA", "use": "sig"}]}

    def verifier(self, own_name: str) -> JwksVerifier:
        """The verifier of service `own_name`, its keys from here."""
        return JwksVerifier(own_name, SECRET, _Identity(self))

    def public_bytes(self) -> bytes:
        """The public key in PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class _Identity:
    """Peers of which only identity's keys can be asked."""

    def __init__(self, maker: TokenMaker) -> None:
        self._maker = maker

    async def call(self, service: str, method: str, path: str, *, caller: Caller, **_: Any) -> Answer:
        assert (service, method, path) == ("identity", "GET", "/jwks")
        self._maker.fetches += 1
        return Answer(200, {}, orjson.dumps(self._maker.jwks()))

    def stream(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("identity's keys are not streamed")

    async def close(self) -> None:
        """Nothing to give back."""


def soon(seconds: float = 60) -> datetime:
    """A moment a little later."""
    return datetime.fromtimestamp(time.time() + seconds, UTC)
