"""The own login beyond the published operations: sessions, address, second factor, personal data."""

import orjson

from gateway.api import answers
from gateway.api import answers_more as more
from gateway.api.bodies_more import (
    CodeBody,
    CurrentPasswordBody,
    KeepQuery,
    LeaveBody,
    MailTokenBody,
    RemoveFactorBody,
    VerificationBody,
)
from gateway.api.operation import Call, RawReply, Registry, Reply
from gateway.api.v1.session import renamed
from gateway.api.views import camel, user_view
from gateway.flows import leave, own_data
from libs.common.errors import Refusal

operations = Registry()
_TAG = "My login"
_FIELDS = {"current_password": "currentPassword"}


@operations.operation(
    "GET",
    "/api/v1/sessions",
    summary="Own sessions",
    who="person",
    tag=_TAG,
    statuses=(401, 403),
    answers=list[more.Session],
)
async def list_sessions(call: Call) -> Reply:
    """The latest used first."""
    return Reply(camel(await call.context.clients.identity.sessions(call.caller)))


@operations.operation(
    "DELETE",
    "/api/v1/sessions",
    summary="Ends all own sessions",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    answers=more.Ended,
)
async def end_sessions(call: Call, *, query: KeepQuery) -> Reply:
    """With `keep_current` all but this one."""
    ended = await call.context.clients.identity.end_sessions(call.caller, keep_current=query.keep_current)
    return Reply({"ended": ended})


@operations.operation(
    "DELETE",
    "/api/v1/sessions/{sessionID}",
    summary="Ends one own session",
    who="person",
    tag=_TAG,
    statuses=(401, 403, 404),
)
async def end_session(call: Call, session_id: str) -> Reply:
    """Its token is refused by every service within a second."""
    await call.context.clients.identity.end_session(call.caller, session_id)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/verification",
    summary="Mails a link that verifies the e-mail address",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403),
    example={},
)
async def request_verification(call: Call, *, body: VerificationBody) -> Reply:
    """With `email` and the current password: to a new address, which becomes the own one once its link is followed."""
    try:
        await call.context.clients.identity.request_verification(
            call.caller, email=body.email, current_password=body.current_password
        )
    except Refusal as refusal:
        raise renamed(refusal, _FIELDS) from None
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/verification/confirm",
    summary="Follows a mailed link",
    who="anyone",
    tag=_TAG,
    statuses=(400,),
    answers=answers.User,
    example={"token": "from-the-mail"},
)
async def confirm_verification(call: Call, *, body: MailTokenBody) -> Reply:
    """The address counts as verified from now on."""
    return Reply(user_view(await call.context.clients.identity.verify_email(call.own_caller, body.token)))


@operations.operation(
    "GET",
    "/api/v1/second-factor",
    summary="Whether a second factor is on",
    who="person",
    tag=_TAG,
    statuses=(401, 403),
    answers=more.SecondFactor,
)
async def show_second_factor(call: Call) -> Reply:
    """And how many recovery codes are left."""
    return Reply(camel(await call.context.clients.identity.second_factor(call.caller)))


@operations.operation(
    "POST",
    "/api/v1/second-factor",
    summary="Begins a second factor",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.SecondFactorSecret,
    status=201,
    example={"currentPassword": "a-Long-1-password"},
)
async def begin_second_factor(call: Call, *, body: CurrentPasswordBody) -> Reply:
    """The secret waits for its first code."""
    try:
        return Reply(await call.context.clients.identity.begin_second_factor(call.caller, body.current_password))
    except Refusal as refusal:
        raise renamed(refusal, _FIELDS) from None


@operations.operation(
    "POST",
    "/api/v1/second-factor/confirm",
    summary="Turns the second factor on",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.RecoveryCodes,
    example={"code": "123456"},
)
async def confirm_second_factor(call: Call, *, body: CodeBody) -> Reply:
    """Answers the recovery codes, once."""
    return Reply({"recoveryCodes": await call.context.clients.identity.confirm_second_factor(call.caller, body.code)})


@operations.operation(
    "POST",
    "/api/v1/second-factor/recovery-codes",
    summary="New recovery codes in place of the old",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.RecoveryCodes,
    example={"code": "123456"},
)
async def renew_recovery_codes(call: Call, *, body: CodeBody) -> Reply:
    """Answers them once."""
    return Reply({"recoveryCodes": await call.context.clients.identity.renew_recovery_codes(call.caller, body.code)})


@operations.operation(
    "POST",
    "/api/v1/second-factor/remove",
    summary="Turns the second factor off",
    who="person",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    example={"currentPassword": "a-Long-1-password", "code": "123456"},
)
async def remove_second_factor(call: Call, *, body: RemoveFactorBody) -> Reply:
    """Not where administrators must have one."""
    try:
        await call.context.clients.identity.remove_second_factor(
            call.caller, current_password=body.current_password, code=body.code
        )
    except Refusal as refusal:
        raise renamed(refusal, _FIELDS) from None
    return Reply()


@operations.operation(
    "GET",
    "/api/v1/user/export",
    summary="All that is kept about me",
    who="person",
    tag=_TAG,
    statuses=(401, 403),
    media_types=("application/json",),
)
async def export_user(call: Call) -> RawReply:
    """Login, own entities with their accounts and choices, notices and preferences, as one JSON file; statements by address."""
    whole = await own_data(call.context, call.caller)
    name = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return RawReply("application/json", orjson.dumps(whole, option=orjson.OPT_INDENT_2), name)


@operations.operation(
    "DELETE",
    "/api/v1/user",
    summary="Deletes the own login",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    example={"password": "a-Long-1-password"},
)
async def delete_own_user(call: Call, *, body: LeaveBody) -> Reply:
    """Personal data goes, the ledger stays. Entities that nobody else acts for are closed with it, each at a balance of
    zero and without open transfers; those with other people need another owner first (409)."""
    await leave(call.context, call.caller, call.user_id, body.password)
    return Reply()
