"""Passwords, links and second factors."""

from typing import Annotated, Literal

from fastapi import Path, Response

from libs.common.clock import rfc3339
from libs.common.web import json_response, router
from services.identity.api import shapes
from services.identity.api.common import Body, Id, Secret, Service, Text, TheClient, TheDeps, User
from services.identity.service import passwords, second_factor, verification

routes = router()
LoginRole = Literal["member", "admin"]
Token = Annotated[str, Path(min_length=1, max_length=200)]


class ResetRequestBody(Body):
    """`POST /password-reset`"""

    email: Text
    role: LoginRole = "member"


class ResetCheckBody(Body):
    """`POST /password-reset/check`"""

    token: Secret
    role: LoginRole | None = None


class ResetBody(Body):
    """`POST /password-reset/{token}`"""

    password: Text
    role: LoginRole | None = None


class ChangeBody(Body):
    """`POST /password-change`"""

    password: Text
    current_password: Text | None = None


class VerificationBody(Body):
    """`POST /verification`"""

    email: Text | None = None
    current_password: Text | None = None


class CurrentPasswordBody(Body):
    """`POST /second-factor`"""

    current_password: Text


class CodeBody(Body):
    """A code of the second factor."""

    code: Text


class RemoveBody(CurrentPasswordBody, CodeBody):
    """`POST /second-factor/remove`"""


class EnrolBody(Body):
    """`POST /second-factor/enrol`"""

    email: Text
    password: Text
    role: LoginRole = "admin"


@routes.post("/password-reset", status_code=202)
async def request_reset(body: ResetRequestBody, deps: TheDeps, caller: Service, client: TheClient) -> None:
    await passwords.request_reset(deps, body.email, body.role, client)


@routes.post("/password-reset/check", status_code=204)
async def check_reset(body: ResetCheckBody, deps: TheDeps, caller: Service) -> None:
    await passwords.check_reset(deps, body.token, body.role)


@routes.post("/password-reset/{token}", status_code=204)
async def reset(token: Token, body: ResetBody, deps: TheDeps, caller: Service) -> None:
    await passwords.reset_password(deps, token, body.password, body.role)


@routes.post("/password-change", status_code=204)
async def change(body: ChangeBody, deps: TheDeps, caller: User, client: TheClient) -> None:
    await passwords.change_password(deps, caller, body.password, body.current_password, client)


@routes.post("/verification", status_code=202)
async def request_verification(body: VerificationBody, deps: TheDeps, caller: User, client: TheClient) -> None:
    await verification.request_verification(deps, caller, body.email, body.current_password, client)


@routes.post("/verification/{token}")
async def verify(token: Token, deps: TheDeps, caller: Service) -> Response:
    return json_response(shapes.user(await verification.verify(deps, token)))


@routes.post("/one-time-tokens/{link_id}/issue")
async def issue(link_id: Id, deps: TheDeps, caller: Service) -> Response:
    token, expires_at = await passwords.issue_link(deps, link_id)
    return json_response({"token": token, "expires_at": rfc3339(expires_at)}, headers={"Cache-Control": "no-store"})


@routes.get("/second-factor")
async def state(deps: TheDeps, caller: User) -> Response:
    found = await second_factor.state(deps, caller)
    return json_response(
        {"enabled": found.enabled, "required": found.required, "recovery_codes_left": found.recovery_codes_left}
    )


@routes.post("/second-factor")
async def begin(body: CurrentPasswordBody, deps: TheDeps, caller: User, client: TheClient) -> Response:
    secret, uri = await second_factor.begin(deps, caller, body.current_password, client)
    return json_response({"secret": secret, "uri": uri})


@routes.post("/second-factor/enrol")
async def enrol(body: EnrolBody, deps: TheDeps, caller: Service, client: TheClient) -> Response:
    secret, uri = await second_factor.enrol(deps, body.email, body.password, body.role, client)
    return json_response({"secret": secret, "uri": uri})


@routes.post("/second-factor/confirm")
async def confirm(body: CodeBody, deps: TheDeps, caller: User) -> Response:
    return json_response({"recovery_codes": await second_factor.confirm(deps, caller, body.code)})


@routes.post("/second-factor/recovery-codes")
async def renew(body: CodeBody, deps: TheDeps, caller: User, client: TheClient) -> Response:
    codes = await second_factor.renew_recovery_codes(deps, caller, body.code, client)
    return json_response({"recovery_codes": codes})


@routes.post("/second-factor/remove", status_code=204)
async def remove(body: RemoveBody, deps: TheDeps, caller: User, client: TheClient) -> None:
    await second_factor.remove(deps, caller, body.current_password, body.code, client)
