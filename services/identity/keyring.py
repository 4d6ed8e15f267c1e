"""Signing keys in use: makes tokens, tells the public halves (RFC 7517, RFC 8037, RFC 9068)."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.auth import AUDIENCE, ISSUER, USER_TOKEN_TYPE
from libs.common.ids import new_id
from services.identity.sealing import Sealer
from services.identity.store.signing import StoredKey

ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True)
class _Signer:
    kid: str
    signs_from: datetime
    private: Ed25519PrivateKey


def new_key(sealer: Sealer, now: datetime, signs_from: datetime) -> StoredKey:
    """A fresh Ed25519 pair."""
    private = Ed25519PrivateKey.generate()
    kid = new_id()
    public = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": public}
    return StoredKey(kid, jwk, sealer.seal(private.private_bytes_raw(), kid), now, signs_from)


class Keyring:
    """The published keys, and of them the one that signs."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._signers: list[_Signer] = []
        self._public: list[dict[str, Any]] = []

    def load(self, keys: list[StoredKey]) -> None:
        """Takes the keys as they lie in the database. Raises CannotOpen."""
        signers = [
            _Signer(
                key.kid,
                key.signs_from,
                Ed25519PrivateKey.from_private_bytes(self._sealer.open(key.private_sealed, key.kid)),
            )
            for key in keys
        ]
        self._signers = sorted(signers, key=lambda signer: signer.signs_from, reverse=True)
        self._public = [key.public_jwk for key in keys]

    @property
    def kids(self) -> list[str]:
        return [str(key["kid"]) for key in self._public]

    def jwks(self) -> dict[str, Any]:
        """RFC 7517 key set."""
        return {"keys": self._public}

    def token(self, claims: dict[str, Any], now: datetime, expires_at: datetime) -> str:
        """A signed access token with these claims beside the usual ones."""
        signer = next((one for one in self._signers if one.signs_from <= now), self._signers[-1])
        times = {"iat": int(now.timestamp()), "exp": int(expires_at.timestamp())}
        return jwt.encode(
            {"iss": ISSUER, "aud": AUDIENCE, "jti": new_id(), **times, **claims},
            signer.private,
            algorithm=ALGORITHM,
            headers={"typ": USER_TOKEN_TYPE, "kid": signer.kid},
        )
