"""Who acts for an entity: its people, invitations, and the keys of partner programs."""

import base64
from urllib.parse import parse_qs, unquote_plus

import orjson

from gateway.api import answers_more as more
from gateway.api.bodies_more import InviteBody, KeyBody, MailTokenBody, RoleBody
from gateway.api.operation import Call, RawReply, Registry, Reply
from gateway.api.v1.session import renamed
from gateway.api.views import camel
from libs.common.errors import Refusal

operations = Registry()
_TAG = "People and keys of an entity"
_PRIVATE = (400, 401, 403, 409)
_KEY_FIELDS = {"rate_per_minute": "ratePerMinute"}


@operations.operation(
    "GET",
    "/api/v1/entities/{entityID}/people",
    summary="Who acts for an own entity",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    answers=list[more.Person],
    private=True,
)
async def list_people(call: Call, entity_id: str) -> Reply:
    """Owners and members."""
    return Reply(camel(await call.context.clients.identity.memberships(call.caller, entity_id=entity_id)))


@operations.operation(
    "PUT",
    "/api/v1/entities/{entityID}/people/{userID}",
    summary="Changes somebody's role",
    who="member",
    tag=_TAG,
    statuses=_PRIVATE,
    answers=more.Person,
    private=True,
    example={"role": "owner"},
)
async def change_role(call: Call, entity_id: str, user_id: str, *, body: RoleBody) -> Reply:
    """By an owner; an entity keeps at least one."""
    return Reply(camel(await call.context.clients.identity.set_membership(call.caller, entity_id, user_id, body.role)))


@operations.operation(
    "DELETE",
    "/api/v1/entities/{entityID}/people/{userID}",
    summary="Leaves, or removes somebody",
    who="member",
    tag=_TAG,
    statuses=_PRIVATE,
    private=True,
)
async def end_membership(call: Call, entity_id: str, user_id: str) -> Reply:
    """Oneself, or anybody by an owner; an entity keeps at least one owner."""
    await call.context.clients.identity.end_membership(call.caller, entity_id, user_id)
    return Reply()


@operations.operation(
    "GET",
    "/api/v1/entities/{entityID}/invitations",
    summary="Open invitations",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    answers=list[more.Invitation],
    private=True,
)
async def list_invitations(call: Call, entity_id: str) -> Reply:
    """To act for an own entity."""
    return Reply(camel(await call.context.clients.identity.invitations(call.caller, entity_id)))


@operations.operation(
    "POST",
    "/api/v1/entities/{entityID}/invitations",
    summary="Invites somebody by mail",
    who="member",
    tag=_TAG,
    statuses=_PRIVATE,
    answers=more.Invitation,
    status=201,
    private=True,
    example={"email": "ben@example.org", "role": "member"},
)
async def invite(call: Call, entity_id: str, *, body: InviteBody) -> Reply:
    """By an owner."""
    made = await call.context.clients.identity.invite(
        call.caller, entity_id=entity_id, email=body.email, role=body.role
    )
    return Reply(camel(made))


@operations.operation(
    "DELETE",
    "/api/v1/invitations/{invitationID}",
    summary="Takes an invitation back",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    private=True,
)
async def withdraw_invitation(call: Call, invitation_id: str) -> Reply:
    """By an owner."""
    await call.context.clients.identity.withdraw_invitation(call.caller, invitation_id)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/invitations/accept",
    summary="Accepts an invitation",
    who="member",
    tag=_TAG,
    statuses=(400, 401, 403, 409),
    answers=more.Person,
    example={"token": "from-the-mail"},
)
async def accept_invitation(call: Call, *, body: MailTokenBody) -> Reply:
    """The caller acts for the entity from now on."""
    return Reply(camel(await call.context.clients.identity.accept_invitation(call.caller, body.token)))


@operations.operation(
    "GET",
    "/api/v1/entities/{entityID}/keys",
    summary="Keys of partner programs",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    answers=list[more.Key],
    private=True,
)
async def list_keys(call: Call, entity_id: str) -> Reply:
    """With when each was last used; never their secrets."""
    return Reply(camel(await call.context.clients.identity.api_keys(call.caller, entity_id)))


@operations.operation(
    "POST",
    "/api/v1/entities/{entityID}/keys",
    summary="Makes a key for a partner program",
    who="member",
    tag=_TAG,
    statuses=_PRIVATE,
    answers=more.NewKey,
    status=201,
    private=True,
    example={"name": "Till", "scopes": ["read", "propose"]},
)
async def create_key(call: Call, entity_id: str, *, body: KeyBody) -> Reply:
    """By an owner. The secret is shown this once. The program exchanges id and secret for a token at `/oauth/token`."""
    try:
        made = await call.context.clients.identity.create_api_key(
            call.caller,
            entity_id=entity_id,
            name=body.name,
            scopes=body.scopes,
            rate_per_minute=body.rate_per_minute,
        )
    except Refusal as refusal:
        raise renamed(refusal, _KEY_FIELDS) from None
    return Reply(camel(made))


@operations.operation(
    "DELETE",
    "/api/v1/keys/{keyID}",
    summary="Revokes a key",
    who="member",
    tag=_TAG,
    statuses=(401, 403),
    private=True,
)
async def revoke_key(call: Call, key_id: str) -> Reply:
    """Its tokens are refused everywhere within a second."""
    await call.context.clients.identity.revoke_api_key(call.caller, key_id)
    return Reply()


@operations.operation(
    "POST",
    "/api/v1/oauth/token",
    summary="A token for a partner program",
    who="anyone",
    tag=_TAG,
    statuses=(400, 401),
    raw_types=("application/x-www-form-urlencoded",),
    raw_schema={
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"type": "string", "enum": ["client_credentials"]},
            "client_id": {"type": "string", "maxLength": 200},
            "client_secret": {"type": "string", "maxLength": 500},
            "scope": {"type": "string", "maxLength": 200},
        },
    },
    raw_example={
        "grant_type": "client_credentials",
        "client_id": "0199b3f0-0000-7000-8000-000000000001",
        "client_secret": "shown-once-when-the-key-was-made",
        "scope": "read propose",
    },
    media_types=("application/json",),
    answer_example={
        "access_token": "a.signed.token",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "read propose",
        "rate_per_minute": 600,
    },
)
async def client_credentials(call: Call) -> RawReply:
    """OAuth 2.0 client credentials (RFC 6749 section 4.4): a form with `grant_type=client_credentials` and optionally `scope`.
    The key's id and secret come as `Authorization: Basic`, or as `client_id` and `client_secret` in the form. Answers have
    that standard's shape, refusals have it beside ours."""
    form = _form(call.raw)
    basic = _basic(call.headers.get("authorization", ""))
    if form is None or (basic is not None and "client_secret" in form):
        return _oauth_refused("invalid_request", "a form, each name once, and the client told in one way")
    if form.get("grant_type") != "client_credentials":
        code = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
        return _oauth_refused(code, "grant_type must be client_credentials")
    client_id, client_secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
    if not client_id or not client_secret:
        return _oauth_refused("invalid_request", "client_id and client_secret are needed")
    try:
        answer = await call.context.clients.identity.client_credentials(
            call.own_caller,
            client_id=client_id[:200],
            client_secret=client_secret[:200],
            scope=form.get("scope", "")[:200] or None,
        )
    except Refusal as refusal:
        if refusal.status not in {400, 401}:
            raise
        problem = refusal.problems[0]
        known = {"invalid_client", "invalid_scope"}
        code = problem.code if problem.code in known else "invalid_request"
        return _oauth_refused(code, problem.message, refusal.status)
    return _oauth(dict(answer), 200)


def _form(raw: bytes) -> dict[str, str] | None:
    """The fields of the form, those without a value left out; None for what is no form or names a field twice."""
    try:
        fields = parse_qs(raw.decode("ascii"), max_num_fields=20)
    except ValueError:
        return None
    return None if any(len(values) > 1 for values in fields.values()) else {name: fields[name][0] for name in fields}


def _basic(header: str) -> tuple[str, str] | None:
    """Id and secret of `Authorization: Basic`, each written as in a form (RFC 6749 section 2.3.1); None without that header.
    What cannot be read is nobody's."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "-", "-"
    return unquote_plus(client_id) or "-", unquote_plus(secret) or "-"


def _oauth_refused(code: str, description: str, status: int = 400) -> RawReply:
    """A refusal in the standard's shape with ours beside it; 401 says which header is understood."""
    errors = [{"message": description, "code": code}]
    reply = _oauth({"error": code, "error_description": description, "errors": errors}, status)
    challenge = {"WWW-Authenticate": 'Basic realm="mccs"'} if status == 401 else {}
    return RawReply(reply.content_type, reply.chunks, {**reply.headers, **challenge}, status)


def _oauth(shape: dict[str, object], status: int) -> RawReply:
    return RawReply("application/json", orjson.dumps(shape), {"Pragma": "no-cache"}, status)
