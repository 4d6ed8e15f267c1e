"""What identity refuses, by name. Status and sentence of each code are given at the edge."""

from collections.abc import Sequence
from dataclasses import dataclass


class IdentityError(Exception):
    """Base of every refusal. `code` is for programs and stable; `field` names what was wrong, where there is one."""

    code = "refused"
    field: str | None = None
    retry_after_s: int | None = None


class NamedError(IdentityError):
    """A refusal that its code says all about: `token_invalid`, `last_owner`, …"""

    def __init__(self, code: str, *, field: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field that breaks a rule, with a sentence for a person."""

    field: str
    code: str
    message: str


class FieldsRefused(IdentityError):  # noqa: N818  a refusal is an answer, not a fault
    """Some fields break rules; all of them are named at once."""

    code = "fields_refused"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)


class AccountLocked(IdentityError):  # noqa: N818  a refusal is an answer, not a fault
    """Too many wrong passwords in a row for this account (ID-05)."""

    code = "account_locked"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(self.code)
        self.retry_after_s = retry_after_s


class AddressThrottled(IdentityError):  # noqa: N818  a refusal is an answer, not a fault
    """Too many failed logins from this address (ID-05)."""

    code = "address_throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(self.code)
        self.retry_after_s = retry_after_s
