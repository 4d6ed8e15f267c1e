"""Shapes of identity's answers and of what is sent to it."""

from typing import Literal, NotRequired, TypedDict

Kind = Literal["api", "browser"]
"""`api`: one bearer token of the published lifetime; `browser`: a short token and a refresh token that rotates."""
LoginRole = Literal["member", "admin"]
MemberRole = Literal["owner", "member"]
Scope = Literal["read", "propose", "accept"]


class SessionAnswer(TypedDict):
    """What signup, login and refresh answer."""

    token: str
    expires_at: str
    session_id: str
    user_id: str
    role: str
    entity_id: NotRequired[str]
    """After a signup."""
    refresh_token: NotRequired[str]
    refresh_expires_at: NotRequired[str]
    previous_login_at: NotRequired[str]
    previous_login_address: NotRequired[str]
    recovery_codes: NotRequired[list[str]]
    """When this login confirmed a second factor that was being set up: shown once."""


class NewPerson(TypedDict):
    """What a person gives of themselves to sign up."""

    email: str
    password: str
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    telephone: NotRequired[str | None]
    language: NotRequired[str | None]


class SignupAnswer(TypedDict, total=False):
    """A session answer; with `quiet` the ids alone, or nothing where the address is taken and its owner was told by mail."""

    token: str
    expires_at: str
    session_id: str
    user_id: str
    role: str
    entity_id: str
    refresh_token: str
    refresh_expires_at: str


class SessionShape(TypedDict):
    """One of the own sessions."""

    id: str
    kind: str
    created_at: str
    last_used_at: str
    expires_at: str
    address: str
    agent: str
    current: bool


class MembershipShape(TypedDict):
    """Who acts for which entity; person's fields are told to people of the same entity, admins and services."""

    entity_id: str
    user_id: str
    role: str
    since: str
    email: NotRequired[str]
    first_name: NotRequired[str]
    last_name: NotRequired[str]


class UserShape(TypedDict):
    """A user; empty texts where nothing was given."""

    id: str
    email: str
    first_name: str
    last_name: str
    telephone: str
    language: str
    role: str
    email_verified: bool
    second_factor: bool
    created_at: str
    last_login_at: NotRequired[str | None]
    last_login_address: NotRequired[str | None]
    previous_login_at: NotRequired[str | None]
    previous_login_address: NotRequired[str | None]
    locked_until: NotRequired[str | None]
    memberships: list[MembershipShape]


class UserPage(TypedDict):
    items: list[UserShape]
    total: int


class OwnDetails(TypedDict, total=False):
    """Absent stays, null or an empty text clears."""

    first_name: str | None
    last_name: str | None
    telephone: str | None
    language: str | None


class UserEdit(OwnDetails, total=False):
    """What an admin may change. `entity_ids` replaces the whole list of entities the user acts for."""

    email: str
    password: str
    role: Literal["member", "admin", "operator"]
    email_verified: bool
    entity_ids: list[str]


class InvitationShape(TypedDict):
    id: str
    entity_id: str
    email: str
    role: str
    invited_by: str
    created_at: str
    expires_at: str


class SecondFactorState(TypedDict):
    enabled: bool
    required: bool
    recovery_codes_left: int


class SecondFactorSecret(TypedDict):
    """To be put into an authenticator: the secret in base32, and an `otpauth://` address for a QR code."""

    secret: str
    uri: str


class ApiKeyShape(TypedDict):
    id: str
    """Also the OAuth client id."""
    entity_id: str
    name: str
    scopes: list[str]
    rate_per_minute: int
    hint: str
    """The last characters of the secret."""
    created_by: str
    created_at: str
    last_used_at: NotRequired[str | None]
    last_used_address: NotRequired[str | None]


class NewApiKey(ApiKeyShape):
    secret: str
    """Shown this once."""


class AccessToken(TypedDict):
    """An OAuth 2.0 answer to client credentials (RFC 6749 section 4.4), and the key's own rate limit."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    rate_per_minute: int


class IssuedToken(TypedDict):
    token: str
    expires_at: str


class Revocation(TypedDict):
    session_id: str
    tokens_expire_at: str
