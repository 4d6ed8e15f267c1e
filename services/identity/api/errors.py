"""Status and sentence of everything that identity refuses."""

import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from libs.common.auth import Principal
from libs.common.errors import Problem, Refusal
from libs.common.web import refusal_response
from services.identity.api.common import actor_of
from services.identity.domain.errors import FieldsRefused, IdentityError
from services.identity.service.deps import Deps
from services.identity.service.refused import note_forbidden

_log = structlog.get_logger(__name__)

TABLE = {
    "account_locked": (429, "This account is locked after too many failed logins; try again later."),
    "address_throttled": (429, "Too many failed logins from your address; try again later."),
    "already_enabled": (409, "A second factor is already set up."),
    "already_member": (409, "This person already acts for the entity."),
    "already_verified": (400, "The address is already confirmed."),
    "busy": (503, "Too many people are logging in right now; try again in a moment."),
    "current_password_needed": (400, "The current password is needed."),
    "current_password_wrong": (400, "The current password is wrong."),
    "email_taken": (400, "This e-mail address is already in use."),
    "forbidden": (403, "This is not allowed with this token."),
    "invalid_client": (401, "The client id or its secret is wrong."),
    "invalid_scope": (400, "The key does not have this scope."),
    "invitation_invalid": (400, "The invitation does not work any more."),
    "last_admin": (409, "The last admin must stay one."),
    "last_owner": (409, "An entity must keep an owner: make somebody else an owner first, or close the entity."),
    "login_failed": (400, "The e-mail address or the password is wrong."),
    "refresh_invalid": (401, "The session has ended; log in again."),
    "refresh_reused": (401, "The session was ended because its refresh token was used twice; log in again."),
    "second_factor_needed": (400, "The code of the second factor is needed."),
    "second_factor_required": (409, "Admins must have a second factor."),
    "second_factor_setup_needed": (400, "A second factor must be set up before logging in."),
    "second_factor_wrong": (400, "The code is wrong."),
    "session_unknown": (404, "There is no such session."),
    "token_invalid": (400, "The link does not work any more; ask for a new one."),
    "token_unknown": (404, "There is no such link, or it was used."),
    "too_many": (429, "That is too many; try again later."),
    "user_unknown": (404, "There is no such user."),
}


def refusal_of(error: IdentityError) -> Refusal:
    """What the error is over HTTP."""
    if isinstance(error, FieldsRefused):
        return Refusal(400, [Problem(fault.code, fault.message, fault.field) for fault in error.faults])
    status, sentence = TABLE[error.code]
    return Refusal.of(status, error.code, sentence, error.field, retry_after_s=error.retry_after_s)


def add_errors(app: FastAPI) -> None:
    """Answers what the use cases refuse; notes who was refused for want of a right."""

    async def answer(request: Request, error: Exception) -> Response:
        refusal = refusal_of(error) if isinstance(error, IdentityError) else error
        assert isinstance(refusal, Refusal)
        if refusal.status == 403:
            await _note(request)
        return refusal_response(refusal)

    app.add_exception_handler(IdentityError, answer)
    app.add_exception_handler(Refusal, answer)


async def _note(request: Request) -> None:
    principal: Principal | None = getattr(request.state, "principal", None)
    deps: Deps | None = getattr(request.app.state, "deps", None)
    if principal is None or deps is None or principal.is_service:
        return
    route = getattr(request.scope.get("route"), "path", "unknown")
    try:
        await note_forbidden(deps, actor_of(principal), f"{request.method} {route}")
    except Exception:  # noqa: BLE001  the refusal stands, recorded or not
        _log.exception("identity.refusal_not_noted")
