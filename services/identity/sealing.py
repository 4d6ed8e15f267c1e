"""Secrets at rest: AES-256-GCM with a key derived from a setting (RFC 5869); and hashes of random secrets."""

import os
import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_LENGTH = 12


class CannotOpen(Exception):  # noqa: N818
    """What was sealed was sealed with another secret."""


class Sealer:
    """Encrypts small secrets. `purpose` binds a sealed text to its place: it opens nowhere else."""

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"mccs identity at rest").derive(secret.encode())
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Nonce and ciphertext."""
        nonce = os.urandom(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """What was sealed; raises CannotOpen."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], purpose.encode())
        except InvalidTag:
            raise CannotOpen(purpose) from None


def new_secret() -> str:
    """256 random bits as text that fits into links and headers."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """What is stored of a random secret: 256 bits of chance need no slow hash."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
