"""Calls to identity: users, sessions, one-time tokens, second factor, people of entities and API keys."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack, cast

from gateway.clients.identity_shapes import (
    AccessToken,
    ApiKeyShape,
    InvitationShape,
    IssuedToken,
    Kind,
    LoginRole,
    MemberRole,
    MembershipShape,
    NewApiKey,
    NewPerson,
    OwnDetails,
    Revocation,
    Scope,
    SecondFactorSecret,
    SecondFactorState,
    SessionAnswer,
    SessionShape,
    SignupAnswer,
    UserEdit,
    UserPage,
    UserShape,
)
from libs.common.peers import Caller, Peers

__all__ = [
    "AccessToken",
    "ApiKeyShape",
    "IdentityClient",
    "InvitationShape",
    "IssuedToken",
    "Kind",
    "LoginRole",
    "MemberRole",
    "MembershipShape",
    "NewApiKey",
    "NewPerson",
    "OwnDetails",
    "Revocation",
    "Scope",
    "SecondFactorSecret",
    "SecondFactorState",
    "SessionAnswer",
    "SessionShape",
    "SignupAnswer",
    "UserEdit",
    "UserPage",
    "UserShape",
]


_NOTE_TIMEOUT_S = 2.0
"""Nobody waits long for a record."""


def _own(caller: Caller) -> Caller:
    """The same request, asked by the gateway itself: nobody is logged in, or the gateway vouches."""
    return replace(caller, token=None)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


class IdentityClient:
    """One method per endpoint. Refusals come as `libs.common.errors.Refusal` with identity's status and codes."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def _call(
        self,
        caller: Caller,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, str | int | bool | list[str]] | None = None,
    ) -> Any:
        answer = await self._peers.call("identity", method, path, caller=caller, query=query, body=body)
        return answer.json()

    # -- coming in ------------------------------------------------------------------------------------------------

    async def signup(
        self,
        caller: Caller,
        *,
        profile: dict[str, Any] | None = None,
        kind: Kind = "api",
        invitation: str | None = None,
        quiet: bool = False,
        **person: Unpack[NewPerson],
    ) -> SignupAnswer:
        """ID-01. Makes user, entity id and membership; or, with an invitation's token, a user who joins that entity.

        With `quiet` nobody is logged in. Refusals: 400 `email_taken` (never with `quiet`: the answer is empty then),
        `email_invalid`, `password_weak`, `password_common`, `invitation_invalid`, and field problems.
        """
        asked = {} if invitation is not None else {"profile": profile}
        body = _given(kind=kind, invitation=invitation, quiet=quiet, **asked, **person)
        return cast("SignupAnswer", await self._call(_own(caller), "POST", "/signup", body) or {})

    async def check_signup(self, caller: Caller, **person: Unpack[NewPerson]) -> None:
        """Refusal 400 with every fault of these; whether the address is free is not told."""
        await self._call(_own(caller), "POST", "/signup/check", _given(**person))

    async def login(
        self,
        caller: Caller,
        *,
        email: str,
        password: str,
        role: LoginRole = "member",
        kind: Kind = "api",
        code: str | None = None,
    ) -> SessionAnswer:
        """ID-04, ID-05. `code`: of the second factor, or a recovery code.

        Refusals: 400 `login_failed`, `second_factor_needed`, `second_factor_wrong`, `second_factor_setup_needed`;
        429 `account_locked`, `address_throttled` with retry_after_s.
        """
        body = _given(email=email, password=password, role=role, kind=kind, code=code)
        return cast("SessionAnswer", await self._call(_own(caller), "POST", "/login", body))

    async def refresh(self, caller: Caller, refresh_token: str) -> SessionAnswer:
        """A fresh pair. Refusal 401 `refresh_invalid`; a used one ends the session (`refresh_reused`)."""
        body = {"refresh_token": refresh_token}
        return cast("SessionAnswer", await self._call(_own(caller), "POST", "/refresh", body))

    async def logout(self, caller: Caller) -> None:
        """Ends the caller's session on every service."""
        await self._call(caller, "POST", "/logout")

    async def sessions(self, caller: Caller) -> list[SessionShape]:
        """Own live sessions, the latest used first."""
        return cast("list[SessionShape]", (await self._call(caller, "GET", "/sessions"))["items"])

    async def end_session(self, caller: Caller, session_id: str) -> None:
        """Ends one own session. Refusal 404 `session_unknown`."""
        await self._call(caller, "DELETE", f"/sessions/{session_id}")

    async def end_sessions(self, caller: Caller, *, keep_current: bool = False) -> int:
        """Ends all own sessions; how many."""
        answer = await self._call(caller, "DELETE", "/sessions", query={"keep_current": keep_current})
        return int(answer["ended"])

    # -- passwords and addresses ----------------------------------------------------------------------------------

    async def request_password_reset(self, caller: Caller, email: str, *, role: LoginRole = "member") -> None:
        """ID-08. Always the same answer."""
        await self._call(_own(caller), "POST", "/password-reset", {"email": email, "role": role})

    async def check_password_reset(self, caller: Caller, token: str, *, role: LoginRole | None = None) -> None:
        """Whether a reset link still works. Refusal 400 `token_invalid`."""
        await self._call(_own(caller), "POST", "/password-reset/check", _given(token=token, role=role))

    async def reset_password(self, caller: Caller, token: str, password: str, *, role: LoginRole | None = None) -> None:
        """ID-08. Ends all sessions. Refusals 400 `token_invalid`, `password_weak`, `password_common`."""
        await self._call(_own(caller), "POST", f"/password-reset/{token}", _given(password=password, role=role))

    async def change_password(self, caller: Caller, password: str, *, current_password: str | None = None) -> None:
        """ID-09. Ends other sessions. Without the current password only within 5 minutes of the login.

        Refusals 400 `current_password_needed`, `current_password_wrong`, `password_weak`, `password_common`; 429.
        """
        body = _given(password=password, current_password=current_password)
        await self._call(caller, "POST", "/password-change", body)

    async def request_verification(
        self, caller: Caller, *, email: str | None = None, current_password: str | None = None
    ) -> None:
        """Another verification mail; with `email` (and the current password) to a new address that becomes the user's
        once its link is followed. Refusals 400 `already_verified`, `email_invalid`, `current_password_wrong`; 429."""
        await self._call(caller, "POST", "/verification", _given(email=email, current_password=current_password))

    async def verify_email(self, caller: Caller, token: str) -> UserShape:
        """Follows a verification link. Refusals 400 `token_invalid`, `email_taken`."""
        return cast("UserShape", await self._call(_own(caller), "POST", f"/verification/{token}"))

    # -- second factor --------------------------------------------------------------------------------------------

    async def second_factor(self, caller: Caller) -> SecondFactorState:
        """ID-11: whether it is on, must be, and how many recovery codes are left."""
        return cast("SecondFactorState", await self._call(caller, "GET", "/second-factor"))

    async def begin_second_factor(self, caller: Caller, current_password: str) -> SecondFactorSecret:
        """A new secret that waits for its first code. Refusals 400 `current_password_wrong`, 409 `already_enabled`."""
        body = {"current_password": current_password}
        return cast("SecondFactorSecret", await self._call(caller, "POST", "/second-factor", body))

    async def confirm_second_factor(self, caller: Caller, code: str) -> list[str]:
        """Turns it on; the recovery codes, shown once. Refusal 400 `second_factor_wrong`."""
        answer = await self._call(caller, "POST", "/second-factor/confirm", {"code": code})
        return cast("list[str]", answer["recovery_codes"])

    async def renew_recovery_codes(self, caller: Caller, code: str) -> list[str]:
        """New recovery codes in place of the old ones. Refusal 400 `second_factor_wrong`."""
        answer = await self._call(caller, "POST", "/second-factor/recovery-codes", {"code": code})
        return cast("list[str]", answer["recovery_codes"])

    async def remove_second_factor(self, caller: Caller, *, current_password: str, code: str) -> None:
        """Turns it off. Refusals 400 as above, 409 `second_factor_required` where admins must have one."""
        body = {"current_password": current_password, "code": code}
        await self._call(caller, "POST", "/second-factor/remove", body)

    async def enrol_second_factor(
        self, caller: Caller, *, email: str, password: str, role: LoginRole = "admin"
    ) -> SecondFactorSecret:
        """After `second_factor_setup_needed`: a secret for somebody who may not log in without one. The next login
        with a code of it turns it on and answers the recovery codes. Refusals as for login."""
        body = {"email": email, "password": password, "role": role}
        return cast("SecondFactorSecret", await self._call(_own(caller), "POST", "/second-factor/enrol", body))

    async def note_refusal(self, caller: Caller, *, user_id: str, role: str, operation: str, times: int = 1) -> None:
        """AD-07: a person was refused `operation` (method and template of its path), so many times."""
        body = {"user_id": user_id, "role": role, "operation": operation, "times": times}
        await self._peers.call(
            "identity", "POST", "/refusals", caller=_own(caller), body=body, timeout_s=_NOTE_TIMEOUT_S
        )

    # -- own details ----------------------------------------------------------------------------------------------

    async def me(self, caller: Caller) -> UserShape:
        return cast("UserShape", await self._call(caller, "GET", "/users/me"))

    async def update_me(self, caller: Caller, changes: OwnDetails) -> UserShape:
        """ID-10. Refusal 400 with every field problem."""
        return cast("UserShape", await self._call(caller, "PATCH", "/users/me", changes))

    async def export_me(self, caller: Caller) -> dict[str, Any]:
        """ID-15: all that identity holds about the caller."""
        return cast("dict[str, Any]", await self._call(caller, "GET", "/users/me/export"))

    async def delete_account(
        self, caller: Caller, user_id: str, *, password: str, closed_entity_ids: Sequence[str] = ()
    ) -> None:
        """ID-15. The gateway vouches that the user asked (it verified the token) and that the entities named were
        closed at ledger and directory. Refusals 400 `current_password_wrong`, 409 `last_owner`; 429."""
        body = {"password": password, "closed_entity_ids": list(closed_entity_ids)}
        await self._call(_own(caller), "POST", f"/users/{user_id}/departure", body)

    # -- users, for admins and services ---------------------------------------------------------------------------

    async def users(
        self,
        caller: Caller,
        *,
        last_name: str | None = None,
        email: str | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> UserPage:
        """AD-04: by fragments of last name and e-mail, ignoring case."""
        query = cast(
            "dict[str, str | int | bool | list[str]]",
            _given(last_name=last_name, email=email, page=page, page_size=page_size),
        )
        return cast("UserPage", await self._call(caller, "GET", "/users", query=query))

    async def user(self, caller: Caller, user_id: str) -> UserShape:
        """Admin or service. Refusal 404 `user_unknown`."""
        return cast("UserShape", await self._call(caller, "GET", f"/users/{user_id}"))

    async def update_user(self, caller: Caller, user_id: str, changes: UserEdit, *, dry_run: bool = False) -> UserShape:
        """Admin. Refusals 400 field problems, `email_taken`, 404 `user_unknown`, 409 `last_admin`."""
        return cast(
            "UserShape",
            await self._call(caller, "PATCH", f"/users/{user_id}", changes, query={"dry_run": dry_run}),
        )

    async def delete_user(self, caller: Caller, user_id: str) -> UserShape:
        """Admin; the user as it was. Refusals 404 `user_unknown`, 409 `last_admin`."""
        return cast("UserShape", await self._call(caller, "DELETE", f"/users/{user_id}"))

    async def end_sessions_of(self, caller: Caller, user_id: str) -> int:
        """Admin: logs somebody out everywhere; how many sessions ended. Refusal 404 `user_unknown`."""
        return int((await self._call(caller, "DELETE", f"/users/{user_id}/sessions"))["ended"])

    async def fetch_users(
        self, caller: Caller, *, ids: Sequence[str] | None = None, entity_ids: Sequence[str] | None = None
    ) -> list[UserShape]:
        """Admin or service: these users, or everybody who acts for these entities. Unknown ones are left out."""
        body = {"ids": list(ids)} if ids is not None else {"entity_ids": list(entity_ids or ())}
        return cast("list[UserShape]", (await self._call(caller, "POST", "/users/fetch", body))["items"])

    async def create_admin(
        self, caller: Caller, *, email: str, password: str, role: Literal["admin", "operator"] = "admin"
    ) -> UserShape:
        """ID-12: an admin (with the caller's token) makes another one."""
        body = {"email": email, "password": password, "role": role}
        return cast("UserShape", await self._call(caller, "POST", "/admins", body))

    # -- who acts for which entity --------------------------------------------------------------------------------

    async def memberships(
        self, caller: Caller, *, user_id: str | None = None, entity_id: str | None = None
    ) -> list[MembershipShape]:
        """Of a user (the caller, by default) or of an entity of the caller's; all for admins and services."""
        query = cast("dict[str, str | int | bool | list[str]]", _given(user_id=user_id, entity_id=entity_id))
        return cast("list[MembershipShape]", (await self._call(caller, "GET", "/memberships", query=query))["items"])

    async def set_membership(
        self, caller: Caller, entity_id: str, user_id: str, role: MemberRole = "member"
    ) -> MembershipShape:
        """EN-04: an owner changes somebody's role, an admin or service also adds. Refusals 403, 409 `last_owner`."""
        path = f"/memberships/{entity_id}/{user_id}"
        return cast("MembershipShape", await self._call(caller, "PUT", path, {"role": role}))

    async def end_membership(self, caller: Caller, entity_id: str, user_id: str) -> None:
        """Leave (oneself), or remove (as an owner, admin or service). Refusals 403, 409 `last_owner`."""
        await self._call(caller, "DELETE", f"/memberships/{entity_id}/{user_id}")

    async def set_people(
        self, caller: Caller, entity_id: str, user_ids: Sequence[str], *, dry_run: bool = False
    ) -> list[MembershipShape]:
        """Admin: exactly these users act for the entity from now on. Refusal 400 `user_unknown`."""
        answer = await self._call(
            caller, "PUT", f"/memberships/{entity_id}", {"user_ids": list(user_ids)}, query={"dry_run": dry_run}
        )
        return cast("list[MembershipShape]", answer["items"])

    async def invite(
        self, caller: Caller, *, entity_id: str, email: str, role: MemberRole = "member"
    ) -> InvitationShape:
        """An owner invites by mail. Refusals 400 `email_invalid`, 403, 409 `already_member`; 429 `too_many`."""
        body = {"entity_id": entity_id, "email": email, "role": role}
        return cast("InvitationShape", await self._call(caller, "POST", "/invitations", body))

    async def invitations(self, caller: Caller, entity_id: str) -> list[InvitationShape]:
        """Open invitations of an own entity."""
        answer = await self._call(caller, "GET", "/invitations", query={"entity_id": entity_id})
        return cast("list[InvitationShape]", answer["items"])

    async def withdraw_invitation(self, caller: Caller, invitation_id: str) -> None:
        """An owner takes an invitation back."""
        await self._call(caller, "DELETE", f"/invitations/{invitation_id}")

    async def look_at_invitation(self, caller: Caller, token: str) -> InvitationShape:
        """What a link invites to. Refusal 400 `invitation_invalid`."""
        return cast("InvitationShape", await self._call(_own(caller), "POST", "/invitations/look", {"token": token}))

    async def accept_invitation(self, caller: Caller, token: str) -> MembershipShape:
        """The caller joins. Refusal 400 `invitation_invalid`."""
        return cast("MembershipShape", await self._call(caller, "POST", "/invitations/accept", {"token": token}))

    # -- programs of partners -------------------------------------------------------------------------------------

    async def api_keys(self, caller: Caller, entity_id: str) -> list[ApiKeyShape]:
        """Live keys of an entity, for its owners."""
        answer = await self._call(caller, "GET", "/api-keys", query={"entity_id": entity_id})
        return cast("list[ApiKeyShape]", answer["items"])

    async def create_api_key(
        self,
        caller: Caller,
        *,
        entity_id: str,
        name: str,
        scopes: Sequence[Scope],
        rate_per_minute: int | None = None,
    ) -> NewApiKey:
        """An owner makes a key; its secret is shown this once. Refusals 400 fields, 403, 409 `too_many`."""
        body = _given(entity_id=entity_id, name=name, scopes=list(scopes), rate_per_minute=rate_per_minute)
        return cast("NewApiKey", await self._call(caller, "POST", "/api-keys", body))

    async def revoke_api_key(self, caller: Caller, key_id: str) -> None:
        """Ends a key and its tokens everywhere."""
        await self._call(caller, "DELETE", f"/api-keys/{key_id}")

    async def client_credentials(
        self, caller: Caller, *, client_id: str, client_secret: str, scope: str | None = None
    ) -> AccessToken:
        """RFC 6749 section 4.4. Refusals 401 `invalid_client`, 400 `invalid_scope`, 429."""
        body = _given(grant_type="client_credentials", client_id=client_id, client_secret=client_secret, scope=scope)
        return cast("AccessToken", await self._call(_own(caller), "POST", "/oauth/token", body))

    # -- for machines ---------------------------------------------------------------------------------------------

    async def issue_one_time_token(self, caller: Caller, token_id: str) -> IssuedToken:
        """Makes the secret of a link at the moment its mail is written (the notifier's call)."""
        return cast("IssuedToken", await self._call(_own(caller), "POST", f"/one-time-tokens/{token_id}/issue"))

    async def jwks(self, caller: Caller) -> dict[str, Any]:
        """RFC 7517 key set."""
        return cast("dict[str, Any]", await self._call(caller, "GET", "/jwks"))

    async def revocations(self, caller: Caller) -> list[Revocation]:
        """Ended sessions whose tokens have not run out by themselves."""
        return cast("list[Revocation]", (await self._call(_own(caller), "GET", "/revocations"))["items"])
