"""Events told by identity."""

from datetime import datetime
from typing import Any, ClassVar

from libs.common.contracts import Audited, Event


class UserRegisteredV1(Event):
    """A person signed up, with an entity. The directory creates its part, and by it the ledger; the notifier welcomes (EM-01,
    EM-02)."""

    TYPE: ClassVar[str] = "identity.user.registered.v1"
    user_id: str
    entity_id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    telephone: str = ""
    language: str = "en"
    profile: dict[str, Any]
    """The entity's profile as the directory's `PUT /entities/{id}` takes it."""
    verification_id: str | None = None
    """Names the one-time token of the verification link; the notifier asks identity to issue it when it writes the mail."""


class UserJoinedV1(Event):
    """A person signed up by an invitation, to act for an entity that is there. The notifier welcomes (EM-01)."""

    TYPE: ClassVar[str] = "identity.user.joined.v1"
    user_id: str
    entity_id: str
    email: str
    first_name: str = ""
    language: str = "en"
    verification_id: str | None = None
    """Names the one-time token of the verification link, where the address is not the one that was invited."""


class UserChangedV1(Event):
    """The whole public state of a user. Told after every change of it. Notifier and directory keep a copy."""

    TYPE: ClassVar[str] = "identity.user.changed.v1"
    user_id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    telephone: str = ""
    language: str = "en"
    role: str = "member"
    email_verified: bool = False


class UserDeletedV1(Event):
    """A user is gone; every service drops what it holds about the person."""

    TYPE: ClassVar[str] = "identity.user.deleted.v1"
    user_id: str


class MembershipChangedV1(Event):
    """Who acts for which entity. Subject `<entity_id>/<user_id>`. Directory, ledger and notifier keep a copy."""

    TYPE: ClassVar[str] = "identity.membership.changed.v1"
    entity_id: str
    user_id: str
    role: str | None
    """`owner` or `member`; null when the user no longer acts for the entity."""


class SessionEndedV1(Event):
    """A session (or an API key) was ended: every process refuses its tokens from now on. Broadcast to all processes."""

    TYPE: ClassVar[str] = "identity.session.ended.v1"
    session_id: str
    user_id: str
    reason: str
    tokens_expire_at: datetime
    """When the last token of the session runs out by itself: the revocation can be forgotten then."""


class ResetRequestedV1(Event):
    """A member or admin asked for a password reset (EM-05). The notifier asks identity to issue the token by its id."""

    TYPE: ClassVar[str] = "identity.reset.requested.v1"
    reset_id: str
    user_id: str
    email: str
    role: str
    language: str = "en"


class VerificationRequestedV1(Event):
    """A user asked for another verification link, or changes the address (`email` is the one to verify)."""

    TYPE: ClassVar[str] = "identity.verification.requested.v1"
    verification_id: str
    user_id: str
    email: str
    language: str = "en"


class InvitationSentV1(Event):
    """Somebody was invited to act for an entity (EN-04)."""

    TYPE: ClassVar[str] = "identity.invitation.sent.v1"
    invitation_id: str
    entity_id: str
    email: str
    invited_by: str
    role: str
    language: str = "en"


class SignupRepeatedV1(Event):
    """Somebody signed up on the web with an address that has a user already: its owner is told by mail (ID-02)."""

    TYPE: ClassVar[str] = "identity.signup.repeated.v1"
    user_id: str
    email: str
    language: str = "en"


class PasswordChangedV1(Event):
    """A password was changed or reset (EM-05)."""

    TYPE: ClassVar[str] = "identity.password.changed.v1"
    user_id: str
    email: str
    by_reset: bool = False


class LoginFailedV1(Event):
    """A login failed for a known user; `locked_until` is set when this failure locked the account (EM-05)."""

    TYPE: ClassVar[str] = "identity.login.failed.v1"
    user_id: str
    email: str
    address: str
    failures: int
    locked_until: datetime | None = None


class LoginSucceededV1(Event):
    """A login; `new_device` when this address and agent were not seen before (EM-05)."""

    TYPE: ClassVar[str] = "identity.login.succeeded.v1"
    user_id: str
    email: str
    address: str
    agent: str
    new_device: bool


class KeysRotatedV1(Event):
    """The set of public signing keys changed: every process fetches it again. Broadcast."""

    TYPE: ClassVar[str] = "identity.keys.rotated.v1"
    kids: list[str]


class AuditRecordedV1(Audited):
    """For the directory's activity log (AD-07)."""

    TYPE: ClassVar[str] = "identity.audit.recorded.v1"
