"""Getting in and out: signup, login, passwords, sessions, the own login and its second factor."""

from typing import TypedDict, Unpack
from urllib.parse import quote, urlencode

from . import answers as shapes
from . import answers_more as more
from .request import Request, changes, data_of, file, get, known, send


class Profile(TypedDict, total=False):
    """What an entity tells about itself."""

    inc_type: str | None
    company_number: str | None
    website: str | None
    declared_turnover: int | None
    description: str | None
    address: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    show_tags_matched_since_last_login: bool | None
    receive_daily_match_notification_email: bool | None
    offers: list[str] | None
    wants: list[str] | None


def signup(
    email: str,
    password: str,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    telephone: str | None = None,
    entity_name: str | None = None,
    entity_email: str | None = None,
    entity_telephone: str | None = None,
    **profile: Unpack[Profile],
) -> Request[shapes.SignedUp]:
    """Makes a login and its entity; the client keeps the token. Not repeated when its answer was lost."""
    body = known(
        userEmail=email,
        password=password,
        firstName=first_name,
        lastName=last_name,
        userPhone=telephone,
        entityName=entity_name,
        entityEmail=entity_email,
        entityPhone=entity_telephone,
    )
    return send("POST", "/signup", body | changes(profile), again="once").and_then("take")


def login(email: str, password: str, *, code: str | None = None) -> Request[shapes.LoggedIn]:
    """Logs a member in; the client keeps the token. `code` is that of the second factor."""
    return send("POST", "/login", known(email=email, password=password, code=code)).and_then("take")


def admin_login(email: str, password: str, *, code: str | None = None) -> Request[shapes.LoggedIn]:
    """Logs an admin in; the client keeps the token."""
    return send("POST", "/admin/login", known(email=email, password=password, code=code)).and_then("take")


def key_login(key_id: str, secret: str, *, scope: str | None = None) -> Request[more.KeyToken]:
    """A token for an API key (OAuth 2.0 client credentials); the client keeps it."""
    form = known(grant_type="client_credentials", client_id=key_id, client_secret=secret, scope=scope)
    return Request(
        "POST",
        "/oauth/token",
        _oauth_answer,
        body=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
        session="take",
    )


def _oauth_answer(raw: bytes) -> more.KeyToken:
    answer: more.KeyToken = data_of(b'{"data": %b}' % raw)
    return answer


def logout() -> Request[None]:
    """Ends the session at once everywhere; the client forgets the token."""
    return send("POST", "/logout").and_then("drop")


def admin_logout() -> Request[None]:
    """As `logout`, of an admin."""
    return send("POST", "/admin/logout").and_then("drop")


def password_reset(email: str) -> Request[None]:
    """Asks for a mail with a link; the answer never says whether the address is known."""
    return send("POST", "/password-reset", {"email": email}, again="once")


def admin_password_reset(email: str) -> Request[None]:
    """As `password_reset`, of an admin."""
    return send("POST", "/admin/password-reset", {"email": email}, again="once")


def reset_password(token: str, password: str) -> Request[None]:
    """Sets a new password by the token of the mailed link, which works once."""
    return send("POST", f"/password-reset/{quote(token, safe='')}", {"password": password}, again="once")


def admin_reset_password(token: str, password: str) -> Request[None]:
    """As `reset_password`, of an admin."""
    return send("POST", f"/admin/password-reset/{quote(token, safe='')}", {"password": password}, again="once")


def change_password(password: str, *, current_password: str | None = None) -> Request[None]:
    """Without the current one only shortly after a login. Ends all other sessions."""
    return send("POST", "/password-change", known(password=password, currentPassword=current_password), again="once")


def admin_change_password(password: str, *, current_password: str | None = None) -> Request[None]:
    """As `change_password`, of an admin."""
    body = known(password=password, currentPassword=current_password)
    return send("POST", "/admin/password-change", body, again="once")


def sessions() -> Request[list[more.Session]]:
    """Own sessions."""
    return get("/sessions")


def end_session(session_id: str) -> Request[None]:
    """Ends one of them at once everywhere."""
    return send("DELETE", f"/sessions/{session_id}")


def end_sessions(*, keep_current: bool = False) -> Request[more.Ended]:
    """Ends all of them, or all others."""
    path = "/sessions?keep_current=true" if keep_current else "/sessions"
    return send("DELETE", path)


def ask_verification(*, email: str | None = None, current_password: str | None = None) -> Request[None]:
    """Asks for another verification mail, or for a change of the address."""
    return send("POST", "/verification", known(email=email, currentPassword=current_password), again="once")


def confirm_verification(token: str) -> Request[shapes.User]:
    """Confirms an address by the token of the mailed link."""
    return send("POST", "/verification/confirm", {"token": token}, again="once")


def second_factor() -> Request[more.SecondFactor]:
    """Whether there is one."""
    return get("/second-factor")


def begin_second_factor(current_password: str) -> Request[more.SecondFactorSecret]:
    """A secret for an authenticator; in force once `confirm_second_factor` had its first code."""
    return send("POST", "/second-factor", {"currentPassword": current_password}, again="once")


def confirm_second_factor(code: str) -> Request[more.RecoveryCodes]:
    """From now on a code is needed to log in. Recovery codes are shown this once."""
    return send("POST", "/second-factor/confirm", {"code": code}, again="once")


def new_recovery_codes(code: str) -> Request[more.RecoveryCodes]:
    """Fresh ones; the old ones work no more."""
    return send("POST", "/second-factor/recovery-codes", {"code": code}, again="once")


def remove_second_factor(code: str, current_password: str) -> Request[None]:
    """Turns it off."""
    body = {"code": code, "currentPassword": current_password}
    return send("POST", "/second-factor/remove", body, again="once")


def me() -> Request[shapes.User]:
    """The own login."""
    return get("/user")


class PersonChanges(TypedDict, total=False):
    first_name: str | None
    last_name: str | None
    telephone: str | None


def update_me(**given: Unpack[PersonChanges]) -> Request[shapes.User]:
    """Changes what is given; None clears."""
    return send("PATCH", "/user", changes(given))


def export_me() -> Request[bytes]:
    """All that is kept about the person, as a JSON file."""
    return file("/user/export")


def delete_me(password: str) -> Request[None]:
    """Deletes the own login; what it holds personally goes, the ledger stays."""
    return send("DELETE", "/user", {"password": password}, again="once").and_then("drop")
