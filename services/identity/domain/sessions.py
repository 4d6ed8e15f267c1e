"""Sessions: what kinds there are, how long they and their tokens live, when a refresh token is good."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

KINDS = ("api", "browser")
FRESH_LOGIN_S = 300
"""A password may be changed without the current one this long after the login (ID-09)."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Settings, in seconds."""

    api_token_s: int
    browser_token_s: int
    refresh_s: int
    refresh_grace_s: int
    session_s: int


@dataclass(frozen=True, slots=True)
class Session:
    """One login."""

    id: str
    user_id: str
    role: str
    kind: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    tokens_expire_at: datetime
    address: str = ""
    agent: str = ""
    ended_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        return self.ended_at is None and self.expires_at > now


def token_end(kind: str, now: datetime, lifetimes: Lifetimes) -> datetime:
    """When an access token made now runs out."""
    seconds = lifetimes.browser_token_s if kind == "browser" else lifetimes.api_token_s
    return now + timedelta(seconds=seconds)


def session_end(kind: str, created_at: datetime, now: datetime, lifetimes: Lifetimes) -> datetime:
    """When a session ends by itself: with its token, or for a browser when its refresh token was not used for long,
    and at the latest a fixed time after the login."""
    if kind != "browser":
        return token_end(kind, now, lifetimes)
    idle = now + timedelta(seconds=lifetimes.refresh_s)
    return min(idle, created_at + timedelta(seconds=lifetimes.session_s))


class RefreshVerdict(Enum):
    """What a presented refresh token means."""

    GOOD = auto()
    REPEATED = auto()
    """Used moments ago: two requests of one browser overlapped, or an answer was lost."""
    REUSED = auto()
    """Used before: somebody has a copy, so the session ends (RFC 9700 section 4.14.2)."""
    OVER = auto()
    """Its session has ended."""


def judge_refresh(used_at: datetime | None, session: Session, now: datetime, grace_s: int) -> RefreshVerdict:
    """What to do with a known refresh token."""
    if not session.is_live(now):
        return RefreshVerdict.OVER
    if used_at is None:
        return RefreshVerdict.GOOD
    is_recent = (now - used_at).total_seconds() <= grace_s
    return RefreshVerdict.REPEATED if is_recent and grace_s > 0 else RefreshVerdict.REUSED


def is_fresh(logged_in_at: datetime, now: datetime) -> bool:
    """Whether a login was so recent that it stands for the password itself."""
    return (now - logged_in_at).total_seconds() <= FRESH_LOGIN_S
