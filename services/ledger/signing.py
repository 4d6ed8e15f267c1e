"""The ledger's own keys: one signs the heads of the chain, one salts its leaves. Both follow from one secret."""

from base64 import b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """Ed25519 (RFC 8032) to sign, a key for the salts; derived by HKDF (RFC 5869) with a purpose each."""

    private: Ed25519PrivateKey
    salt_key: bytes

    @classmethod
    def of(cls, secret: str) -> "LedgerKeys":
        return cls(
            Ed25519PrivateKey.from_private_bytes(_derived(secret, b"mccs-ledger-sign")),
            _derived(secret, b"mccs-ledger-salt"),
        )

    @property
    def public(self) -> str:
        """The public key in base64, as statements carry it."""
        return b64encode(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content)

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether this ledger signed it."""
        try:
            self.private.public_key().verify(signature, content)
        except InvalidSignature:
            return False
        return True


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret.encode())
