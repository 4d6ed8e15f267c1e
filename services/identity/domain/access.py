"""Access other than by password: one-time links, API keys of partner programs, recovery codes."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

RESET_LIFETIME_S = 3600
VERIFICATION_LIFETIME_S = 7 * 86_400
INVITATION_LIFETIME_S = 7 * 86_400
ISSUE_WITHIN_S = 7 * 86_400
"""A link can be made this long after it was asked for: mail may be late."""
OPEN_RESETS_MAX = 3
OPEN_VERIFICATIONS_MAX = 5
OPEN_INVITATIONS_MAX = 20

LIFETIMES_S = {
    "reset": RESET_LIFETIME_S,
    "verification": VERIFICATION_LIFETIME_S,
    "invitation": INVITATION_LIFETIME_S,
}

SCOPES = ("read", "propose", "accept")
KEY_NAME_LENGTH_MAX = 60
KEYS_PER_ENTITY_MAX = 20
RATE_PER_MINUTE_MAX = 6000
HINT_LENGTH = 4

RECOVERY_CODES = 10
_NOT_OF_A_CODE = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """A link that works once. Its secret exists in the mail alone; here lies a hash of it."""

    id: str
    kind: str
    user_id: str | None
    email: str
    created_at: datetime
    expires_at: datetime
    entity_id: str | None = None
    role: str = "member"
    invited_by: str | None = None
    issued_at: datetime | None = None
    used_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether its link still works."""
        return self.used_at is None and self.issued_at is not None and self.expires_at > now

    def may_be_issued(self, now: datetime) -> bool:
        """Whether a secret may be made for it."""
        return self.used_at is None and (now - self.created_at).total_seconds() <= ISSUE_WITHIN_S


def link_end(kind: str, issued_at: datetime) -> datetime:
    """A link lives from the moment its mail was written."""
    return issued_at + timedelta(seconds=LIFETIMES_S[kind])


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A partner program's own access to one entity."""

    id: str
    entity_id: str
    name: str
    scopes: tuple[str, ...]
    rate_per_minute: int
    hint: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = None
    last_used_address: str | None = None
    tokens_expire_at: datetime | None = None


def granted_scopes(of_key: tuple[str, ...], asked: str | None) -> tuple[str, ...] | None:
    """The scopes a token gets: all of the key's, or those asked for; None when one asked for is not the key's."""
    if not asked or not asked.split():
        return of_key
    wanted = asked.split()
    return tuple(scope for scope in of_key if scope in wanted) if set(wanted) <= set(of_key) else None


def normal_code(code: str) -> str:
    """A code as it was shown, however it was typed."""
    return _NOT_OF_A_CODE.sub("", code).lower()
