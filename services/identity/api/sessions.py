"""Coming in, staying in, going out."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import Response
from pydantic import Field, StringConstraints, field_validator, model_validator

from libs.common.clock import rfc3339
from libs.common.web import json_response, public, router
from services.identity.api import shapes
from services.identity.api.common import Body, Id, Secret, Service, Text, TheClient, TheDeps, User
from services.identity.service import keys, login, signup
from services.identity.service.deps import Actor
from services.identity.service.refused import OPERATION_LENGTH_MAX, note_refused

routes = router()
Kind = Literal["api", "browser"]
LoginRole = Literal["member", "admin"]
_DETAILS = ("first_name", "last_name", "telephone", "language")


class SignupBody(Body):
    """`POST /signup`"""

    email: Text
    password: Text
    profile: dict[str, Any] | None = None
    kind: Kind = "api"
    first_name: Text | None = None
    last_name: Text | None = None
    telephone: Text | None = None
    language: Text | None = None
    quiet: bool = False
    invitation: Secret | None = None

    @field_validator("profile")
    @classmethod
    def _is_plain_json(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            orjson.dumps(value)
        except TypeError:
            raise ValueError("it holds a number that no profile can have") from None
        return value

    @model_validator(mode="after")
    def _entity_or_invitation(self) -> "SignupBody":
        if self.profile is not None and self.invitation is not None:
            raise ValueError("a profile and an invitation exclude each other")
        return self

    def command(self) -> signup.SignUp:
        """As the use cases take it."""
        given = {name: getattr(self, name) for name in _DETAILS if getattr(self, name) is not None}
        return signup.SignUp(
            self.email, self.password, self.profile or {}, given, self.kind, self.quiet, self.invitation
        )


class LoginBody(Body):
    """`POST /login`"""

    email: Text
    password: Text
    role: LoginRole = "member"
    kind: Kind = "api"
    code: Text | None = None


class RefreshBody(Body):
    """`POST /refresh`"""

    refresh_token: Secret


class RefusalBody(Body):
    """`POST /refusals`: an operation by its method and template, never with values in it."""

    user_id: Id
    role: Literal["member", "admin", "operator"]
    operation: Annotated[str, StringConstraints(pattern=r"^[A-Z]+ /[\w/.{}-]*$", max_length=OPERATION_LENGTH_MAX)]
    times: int = Field(1, ge=1, le=1_000_000_000)


@routes.post("/signup")
async def sign_up(body: SignupBody, deps: TheDeps, caller: Service, client: TheClient) -> Response:
    made = await signup.sign_up(deps, body.command(), client)
    if made is None:
        return Response(status_code=202)
    if isinstance(made, signup.SignedUp):
        return json_response({"user_id": made.user_id, "entity_id": made.entity_id}, 201)
    return json_response(shapes.ticket(made), 201)


@routes.post("/signup/check", status_code=204)
async def check_signup(body: SignupBody, deps: TheDeps, caller: Service) -> None:
    signup.judge(deps, body.command())


@routes.post("/login")
async def log_in(body: LoginBody, deps: TheDeps, caller: Service, client: TheClient) -> Response:
    command = login.LogIn(body.email, body.password, body.role, body.kind, body.code)
    return json_response(shapes.ticket(await login.log_in(deps, command, client)))


@routes.post("/refresh")
async def refresh(body: RefreshBody, deps: TheDeps, caller: Service) -> Response:
    return json_response(shapes.ticket(await login.refresh(deps, body.refresh_token)))


@routes.post("/logout", status_code=204)
async def log_out(deps: TheDeps, caller: User) -> None:
    await login.log_out(deps, caller)


@routes.get("/sessions")
async def sessions(deps: TheDeps, caller: User) -> Response:
    found = await login.own_sessions(deps, caller)
    return json_response({"items": [shapes.session(one, caller.session_id) for one in found]})


@routes.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: Id, deps: TheDeps, caller: User) -> None:
    await login.end_session(deps, caller, session_id)


@routes.delete("/sessions")
async def end_sessions(deps: TheDeps, caller: User, keep_current: bool = False) -> Response:
    return json_response({"ended": await login.end_sessions(deps, caller, keep_current=keep_current)})


@routes.get("/jwks")
@public
async def jwks(deps: TheDeps) -> Response:
    return json_response(deps.keyring.jwks(), headers={"Cache-Control": "public, max-age=60"})


@routes.get("/revocations")
async def revocations(deps: TheDeps, caller: Service) -> Response:
    items = [
        {"session_id": session_id, "tokens_expire_at": rfc3339(until)}
        for session_id, until in await keys.revocations(deps)
    ]
    return json_response({"items": items})


@routes.post("/refusals", status_code=204)
async def refusal(body: RefusalBody, deps: TheDeps, caller: Service, client: TheClient) -> None:
    await note_refused(deps, Actor(body.user_id, body.role), body.operation, client, body.times)
