"""Users, roles and who acts for which entity (ID-12, EN-04)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.identity.domain.errors import NamedError

NAME_LENGTH_MAX = 100
TELEPHONE_LENGTH_MAX = 25
ROLES = ("member", "admin", "operator")
MEMBER_ROLES = ("owner", "member")


@dataclass(frozen=True, slots=True)
class Membership:
    """A user acts for an entity."""

    entity_id: str
    user_id: str
    role: str
    since: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class User:
    """A person who logs in, as identity keeps it; the password's hash travels apart."""

    id: str
    email: str
    email_key: str
    role: str
    created_at: datetime
    first_name: str = ""
    last_name: str = ""
    telephone: str = ""
    language: str = "en"
    email_verified: bool = False
    second_factor: bool = False
    last_login_at: datetime | None = None
    last_login_address: str | None = None
    previous_login_at: datetime | None = None
    previous_login_address: str | None = None
    password_changed_at: datetime | None = None
    locked_until: datetime | None = None
    version: int = 1
    memberships: tuple[Membership, ...] = field(default=())


def session_role(user_role: str, wanted: str, memberships: int) -> str | None:
    """The role a session gets: `admin` logins are for admins and operators; a member's login is for members and for
    admins who act for an entity, and never carries an admin's rights. None: not with this account."""
    if wanted == "admin":
        return user_role if user_role in ("admin", "operator") else None
    return "member" if user_role == "member" or memberships > 0 else None


def check_owner_stays(people: Iterable[Membership], leaving_user_id: str, new_role: str | None = None) -> None:
    """An entity keeps an owner (EN-04): raises `last_owner` when this user is the only one and would not stay one."""
    owners = {person.user_id for person in people if person.role == "owner"}
    if owners == {leaving_user_id} and new_role != "owner":
        raise NamedError("last_owner")
