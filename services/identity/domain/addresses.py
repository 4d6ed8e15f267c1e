"""E-mail addresses: what counts as one, when two are the same (ID-02); and network addresses as the throttle sees them."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

from services.identity.domain.errors import FieldFault, FieldsRefused

EMAIL_LENGTH_MAX = 100
_LOCAL_LENGTH_MAX = 64
_FOLDS = 3
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+\Z")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?\Z")
_DOTLESS_DOMAINS = ("localhost",)


@dataclass(frozen=True, slots=True)
class Email:
    """An address as it was given, and the key by which it is unique: NFKC, without letter case."""

    text: str
    key: str

    @property
    def readable(self) -> str:
        return self.text


def email_key(text: str) -> str:
    """The form in which two spellings of one address are equal."""
    for _ in range(_FOLDS):  # folding can make a letter that folds again
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    return text


def parse_email(text: str, field: str = "email") -> Email:
    """The address; raises FieldsRefused with `too_long` or `email_invalid`."""
    clean = unicodedata.normalize("NFC", text).strip()
    if len(clean) > EMAIL_LENGTH_MAX:
        message = f"The e-mail address must have at most {EMAIL_LENGTH_MAX} characters."
        raise FieldsRefused([FieldFault(field, "too_long", message)])
    key = email_key(clean)
    if not (_is_address(clean) and _is_address(key)):
        raise FieldsRefused([FieldFault(field, "email_invalid", "This is not an e-mail address.")])
    return Email(clean, key)


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.match(local) or len(local) > _LOCAL_LENGTH_MAX:
        return False
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    labels = domain.split(".")
    if len(labels) < 2 and domain.lower() not in _DOTLESS_DOMAINS:
        return False
    return all(len(label) <= 63 and _LABEL.match(label) for label in labels)


def throttle_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
