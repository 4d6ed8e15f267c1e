"""Coming in and going out: signup, login, logout, passwords."""

from collections.abc import Mapping
from typing import Any

from gateway.api import answers
from gateway.api.bodies import LoginBody, NewPasswordBody, PasswordChangeBody, ResetBody, SignupBody
from gateway.api.operation import Call, Registry, Reply
from gateway.api.views import PROFILE, given
from gateway.clients.identity import LoginRole, SessionAnswer
from gateway.flows import NewMember, faults_of, log_out, sign_up
from libs.common.errors import Problem, Refusal

operations = Registry()
_OPEN = "Coming in"
_SIGNUP_FIELDS = {
    "email": "userEmail",
    "password": "password",
    "first_name": "firstName",
    "last_name": "lastName",
    "telephone": "userPhone",
} | {f"profile.{ours}": theirs for theirs, ours in PROFILE.items()}
_SIGNUP_FIELDS |= {
    "profile.name": "entityName",
    "profile.email": "entityEmail",
    "profile.telephone": "entityPhone",
}
_STAND_INS = {"userEmail": "ana@example.org", "password": "a-Long-1-password"}
_PASSWORD_FIELDS = {"current_password": "currentPassword"}


def renamed(refusal: Refusal, names: dict[str, str]) -> Refusal:
    """The refusal with its fields as the sender of this request calls them; what it does not know keeps its name."""
    problems = [
        Problem(problem.code, problem.message, names.get(problem.field, problem.field)) if problem.field else problem
        for problem in refusal.problems
    ]
    return Refusal(refusal.status, problems, retry_after_s=refusal.retry_after_s)


async def _signup_faults(call: Call, fields: Mapping[str, Any]) -> list[Problem]:
    """What directory and identity say of the fields that can be read. The two that must be given have stand-ins."""
    member = _member(SignupBody.model_validate({**_STAND_INS, **fields}))
    try:
        faults = await faults_of(call.context, call.own_caller, member)
    except Refusal:  # a service is away: the shape's faults are told, the others at the next try
        return []
    told = renamed(Refusal(400, faults), _SIGNUP_FIELDS).problems
    return [problem for problem in told if problem.field in fields]


def _member(body: SignupBody) -> NewMember:
    return NewMember(
        email=body.user_email,
        password=body.password,
        profile=body.profile(),
        first_name=body.first_name or None,
        last_name=body.last_name or None,
        telephone=body.user_phone or None,
    )


@operations.operation(
    "POST",
    "/api/v1/signup",
    summary="Makes a user with an entity and an account",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    answers=answers.SignedUp,
    published=True,
    example={**_STAND_INS, "entityName": "Ana's bakery"},
    faults=_signup_faults,
)
async def signup(call: Call, *, body: SignupBody) -> Reply:
    """The entity waits (`pending`) until an admin decides. A full profile may come along."""
    try:
        answer = await sign_up(call.context, call.own_caller, _member(body))
    except Refusal as refusal:
        raise renamed(refusal, _SIGNUP_FIELDS) from None
    return Reply({"userID": answer["user_id"], "entityID": answer["entity_id"], "token": answer["token"]})


@operations.operation(
    "POST",
    "/api/v1/login",
    summary="A bearer token for a member",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    answers=answers.LoggedIn,
    published=True,
    example={"email": "ana@example.org", "password": "a-Long-1-password"},
)
async def login(call: Call, *, body: LoginBody) -> Reply:
    """The token goes into `Authorization: Bearer` and lives 24 hours unless the node says otherwise."""
    return Reply(await _log_in(call, body, "member"))


@operations.operation(
    "POST",
    "/api/v1/admin/login",
    summary="A bearer token for an administrator",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    answers=answers.LoggedIn,
    published=True,
    example={"email": "office@example.org", "password": "a-Long-1-password"},
)
async def admin_login(call: Call, *, body: LoginBody) -> Reply:
    """As for members; the same lockout holds."""
    return Reply(await _log_in(call, body, "admin"))


async def _log_in(call: Call, body: LoginBody, role: LoginRole) -> dict[str, object]:
    answer: SessionAnswer = await call.context.clients.identity.login(
        call.own_caller, email=body.email, password=body.password, role=role, code=body.code
    )
    return given(
        token=answer["token"],
        expiresAt=answer.get("expires_at"),
        lastLoginDate=answer.get("previous_login_at"),
        lastLoginIP=answer.get("previous_login_address"),
        recoveryCodes=answer.get("recovery_codes"),
    )


@operations.operation(
    "POST",
    "/api/v1/logout",
    summary="Ends the session everywhere",
    who="member",
    tag=_OPEN,
    statuses=(401,),
    published=True,
)
async def logout(call: Call) -> Reply:
    """The token is refused by every service from now on."""
    await log_out(call.context, call.caller, call.principal)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/admin/logout",
    summary="Ends an administrator's session everywhere",
    who="admin",
    tag=_OPEN,
    statuses=(401,),
    published=True,
)
async def admin_logout(call: Call) -> Reply:
    """The token is refused by every service from now on."""
    await log_out(call.context, call.caller, call.principal)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/password-reset",
    summary="Mails a link to set a new password",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    published=True,
    example={"email": "ana@example.org"},
)
async def request_password_reset(call: Call, *, body: ResetBody) -> Reply:
    """The answer is the same whether the address is known or not."""
    await call.context.clients.identity.request_password_reset(call.own_caller, body.email, role="member")
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/admin/password-reset",
    summary="Mails an administrator a link to set a new password",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    published=True,
    example={"email": "office@example.org"},
)
async def request_admin_password_reset(call: Call, *, body: ResetBody) -> Reply:
    """The answer is the same whether the address is known or not."""
    await call.context.clients.identity.request_password_reset(call.own_caller, body.email, role="admin")
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/password-reset/{token}",
    summary="Sets a new password by a mailed token",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    published=True,
    example={"password": "another-Long-2-password"},
)
async def reset_password(call: Call, token: str, *, body: NewPasswordBody) -> Reply:
    """Works once, for an hour, and ends all sessions."""
    await _reset(call, token, body, "member")
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/admin/password-reset/{token}",
    summary="Sets an administrator's new password by a mailed token",
    who="anyone",
    tag=_OPEN,
    statuses=(400,),
    published=True,
    example={"password": "another-Long-2-password"},
)
async def reset_admin_password(call: Call, token: str, *, body: NewPasswordBody) -> Reply:
    """Works once, for an hour, and ends all sessions."""
    await _reset(call, token, body, "admin")
    return Reply()


TOKEN_MAX = 200


async def _reset(call: Call, token: str, body: NewPasswordBody, role: LoginRole) -> None:
    if len(token) > TOKEN_MAX or not (token.isascii() and token.replace("-", "").replace("_", "").isalnum()):
        raise Refusal.of(400, "token_invalid", "This link is not valid, or not any more.", "token")
    await call.context.clients.identity.reset_password(call.own_caller, token, body.password, role=role)


@operations.operation(
    "POST",
    "/api/v1/password-change",
    summary="Changes the own password",
    who="member",
    tag=_OPEN,
    statuses=(400, 401),
    published=True,
    example={"password": "another-Long-2-password", "currentPassword": "a-Long-1-password"},
)
async def change_password(call: Call, *, body: PasswordChangeBody) -> Reply:
    """`currentPassword` may be left out within 5 minutes of the login. Other sessions end."""
    await _change(call, body)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/admin/password-change",
    summary="Changes an administrator's own password",
    who="admin",
    tag=_OPEN,
    statuses=(400, 401),
    published=True,
    example={"password": "another-Long-2-password", "currentPassword": "a-Long-1-password"},
)
async def change_admin_password(call: Call, *, body: PasswordChangeBody) -> Reply:
    """`currentPassword` may be left out within 5 minutes of the login. Other sessions end."""
    await _change(call, body)
    return Reply()


async def _change(call: Call, body: PasswordChangeBody) -> None:
    try:
        await call.context.clients.identity.change_password(
            call.caller, body.password, current_password=body.current_password
        )
    except Refusal as refusal:
        raise renamed(refusal, _PASSWORD_FIELDS) from None
