"""The API's ASGI application: finds the operation, guards it, reads what came, lets it answer, and says no properly."""

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.api.answering import (
    Headers,
    RoleRefusal,
    Send,
    UnlistedStatus,
    body_of,
    cache_headers,
    extra_headers,
    refusal_body,
    refusal_headers,
    send_stream,
    send_whole,
    squeezed,
    takes_gzip,
    told,
    whole_headers,
)
from gateway.api.cors import Cors
from gateway.api.operation import Call, Given, Operation, RawReply, Registry, Reply
from gateway.api.reading import read_body, read_query, right_fields
from gateway.context import GatewayContext, caller_of
from gateway.edge import Receive, Scope, broken
from gateway.public_reads import Kept
from libs.common.auth import Principal
from libs.common.context import request_id
from libs.common.errors import Problem, Refusal
from libs.common.ids import is_id
from libs.common.paths import Paths

Methods = Mapping[str, Operation]
log = structlog.get_logger(__name__)
_KEY_MAX = 255


class Api:
    """Everything under `/api`. Sees only scopes that came through `gateway.edge.Edge`."""

    def __init__(self, context: GatewayContext, registry: Registry) -> None:
        self._context = context
        self._public_reads = context.public_reads
        self._paths = paths_of(registry)
        self._cors = Cors(context.settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[str, str] = scope["state"]["headers"]
        origin = headers.get("origin")
        found = self._paths.find(scope["path"].rstrip("/"))
        if scope["method"] == "OPTIONS":
            await self._options(send, origin, found[0] if found else {})
            return
        cors = self._cors.headers(origin)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = found[0].get(method) if found else None
        scope["state"]["route"] = operation.path if operation else "unknown"
        if found is None or operation is None:
            nothing = _nothing(scope["state"], known=found is not None)
            await self._refuse(send, nothing, None, cors, found[0] if found else {})
            return
        try:
            if operation.kept and _asks_as_everybody(headers):
                await self._send_kept(scope, send, operation, found[1], cors)
                return
            call, reply = await self._reply(scope, receive, operation, found[1])
        except Refusal as refusal:
            if refusal.status == 403:
                who, what = scope["state"].get("principal"), f"{operation.method} {operation.path}"
                self._context.refusals.note(caller_of(scope), who, what, refusal)
            await self._refuse(send, refusal, operation, cors, found[0])
            return
        except Exception:
            log.exception("request_failed", request_id=scope["state"]["request_id"])
            await _send_refusal(send, broken(scope["state"]["request_id"]), cors)
            return
        public = operation.method == "GET" and operation.who in {"anyone", "visitor"} and not call.logged_in
        await self._send(scope, send, operation, reply, [*cors, *cache_headers(public=public)])

    async def _options(self, send: Send, origin: str | None, methods: Methods) -> None:
        allow = _allow(methods)
        headers: Headers = [(b"allow", allow), *self._cors.preflight(origin, allow.decode().split(", "))]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _reply(
        self, scope: Scope, receive: Receive, operation: Operation, path: list[str]
    ) -> tuple[Call, Reply | RawReply]:
        call = await self._guarded(scope, operation, scope["state"]["headers"])
        given = await self._read(scope, receive, operation, path, call)
        return call, await operation.handler(call, *path, **given)

    async def _send_kept(self, scope: Scope, send: Send, operation: Operation, path: list[str], cors: Headers) -> None:
        """What everybody who is not logged in gets alike: no token was shown, so nothing of the request but its address
        decides the answer."""
        state = scope["state"]
        state["rates"].check(None, state["client_address"])
        squeeze = takes_gzip(state["headers"].get("accept-encoding", ""))
        key = (scope["path"].rstrip("/"), scope["query_string"], squeeze)
        kept = self._public_reads.get(key)
        if kept is None:
            # what one entity looks like to everybody depends on nothing else
            about = path[0] if operation.path_names == ("entityID",) else None
            kept = await self._public_reads.answer(
                key, lambda: self._public(scope, operation, path, squeeze=squeeze), about=about
            )
        await send({"type": "http.response.start", "status": kept.status, "headers": [*kept.headers, *cors]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else kept.body})

    async def _public(self, scope: Scope, operation: Operation, path: list[str], *, squeeze: bool) -> Kept:
        call = Call(context=self._context, caller=caller_of(scope), principal=None, headers={})
        given = await self._read(scope, _no_body, operation, path, call)
        reply = await operation.handler(call, *path, **given)
        if isinstance(reply, RawReply):
            raise TypeError(f"{operation.path} is no JSON and cannot be kept")
        body, encoding = squeezed(body_of(reply), self._context.settings.compress_min_bytes, taken=squeeze)
        headers = [*cache_headers(public=True), *extra_headers(reply.headers), *encoding]
        return Kept(reply.status or operation.status, tuple(whole_headers(body, headers)), body)

    async def _refuse(
        self, send: Send, refusal: Refusal, operation: Operation | None, cors: Headers, methods: Methods
    ) -> None:
        if isinstance(refusal, RoleRefusal):
            log.warning("authorisation_refused", route=operation.path if operation else "", why=str(refusal))
        try:
            said = told(refusal, operation) if operation else refusal
        except UnlistedStatus as failed:
            log.error("service_failed", route=operation.path if operation else "", why=str(failed))  # noqa: TRY400  a service's fault, told there
            said = broken(request_id.get() or "")
        allow = [(b"allow", _allow(methods))] if said.status == 405 else []
        await _send_refusal(send, said, [*cors, *allow])

    async def _guarded(self, scope: Scope, operation: Operation, headers: dict[str, str]) -> Call:
        """Who speaks, whether the rate allows it, and whether they may."""
        state = scope["state"]
        token = _bearer(headers.get("authorization"))
        principal, refused = await self._principal(token)
        if not (_is_node(principal) or await self._shows_service_token(headers)):
            state["rates"].check(principal, state["client_address"])
        if operation.who == "anyone":
            principal = None
        elif refused is not None:
            raise refused
        elif _is_node(principal):
            raise Refusal.of(401, "token_invalid", "This token is not a person's.")
        state["principal"] = principal
        judge(operation, principal)
        key = headers.get("idempotency-key")
        if operation.method == "GET" or 400 not in operation.statuses:
            key = None
        elif key is not None and not (0 < len(key) <= _KEY_MAX and key.isascii() and key.isprintable()):
            raise Refusal.of(400, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 plain characters.")
        return Call(
            context=self._context,
            caller=caller_of(scope, token=token if principal else None, idempotency_key=key),
            principal=principal,
            headers=headers,
        )

    async def _principal(self, token: str | None) -> tuple[Principal | None, Refusal | None]:
        if token is None:
            return None, None
        try:
            principal = await self._context.wiring.verifier.verify(token)
        except Refusal as refusal:
            return None, refusal
        return principal, None

    async def _shows_service_token(self, headers: Mapping[str, str]) -> bool:
        """Programs of the node show their own token beside a person's: it lifts the rate limit and does nothing else."""
        token = headers.get("x-service-token")
        if token is None:
            return False
        try:
            return (await self._context.wiring.verifier.verify(token)).is_service
        except Refusal:
            return False

    async def _read(
        self, scope: Scope, receive: Receive, operation: Operation, path: list[str], call: Call
    ) -> dict[str, Given]:
        """Body and parameters in their shapes. Raises one Refusal with everything that is wrong."""
        given: dict[str, Given] = {}
        problems: list[Problem] = []
        for name, value in zip(operation.path_names, path, strict=True):
            if name.endswith("ID") and not is_id(value):
                # where somebody else's is a 401, a text that is no id at all is merely malformed
                raise Refusal.of(400 if operation.unknown == 401 else 404, "unknown", "There is no such id.", name)
        if operation.query is not None:
            query, wrong = read_query(operation.query, scope["query_string"])
            problems.extend(wrong)
            if query is not None:
                given["query"] = query
        if operation.body is not None or operation.raw_types:
            call.raw = await self._body(receive, operation)
        else:
            self._judge_unread(call.headers)
        if operation.body is not None and not _is_raw(operation, call.headers):
            body, wrong = read_body(operation.body, call.raw)
            problems.extend(wrong)
            if wrong and operation.faults is not None and (right := right_fields(call.raw, wrong)):
                problems.extend(await operation.faults(call, right))
            if body is not None:
                given["body"] = body
        if problems:
            raise Refusal(400, problems)
        return given

    async def _body(self, receive: Receive, operation: Operation) -> bytes:
        settings = self._context.settings
        most = settings.large_body_max_bytes if operation.large_body else settings.body_max_bytes
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal.of(400, "malformed_body", "The body did not arrive whole.")
            piece = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise _too_large(most)
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces) if len(pieces) > 1 else piece

    def _judge_unread(self, headers: Mapping[str, str]) -> None:
        """An operation without a body reads none; what says that it is too large is refused all the same."""
        length, most = headers.get("content-length", ""), self._context.settings.body_max_bytes
        if len(length) > len(str(most)) or (length.isdigit() and int(length) > most):
            raise _too_large(most)

    async def _send(
        self, scope: Scope, send: Send, operation: Operation, reply: Reply | RawReply, headers: Headers
    ) -> None:
        head = scope["method"] == "HEAD"
        headers = [*headers, *extra_headers(reply.headers)]
        if isinstance(reply, RawReply) and not isinstance(reply.chunks, bytes):
            await send_stream(send, reply, reply.chunks, headers)
            return
        body = reply.chunks if isinstance(reply, RawReply) else body_of(reply)
        assert isinstance(body, bytes)
        kind = reply.content_type.encode() if isinstance(reply, RawReply) else None
        taken = takes_gzip(scope["state"]["headers"].get("accept-encoding", ""))
        body, encoding = squeezed(body, self._context.settings.compress_min_bytes, taken=taken)
        await send_whole(
            send, reply.status or operation.status, body, [*headers, *encoding], content_type=kind, head=head
        )


def paths_of(registry: Registry) -> Paths[Operation]:
    """All operations by path and method. Raises ValueError where two have the same."""
    paths: Paths[Operation] = Paths()
    for operation in registry.operations:
        methods = paths.methods(operation.path)
        if operation.method in methods:
            raise ValueError(f"{operation.method} {operation.path} is declared twice")
        methods[operation.method] = operation
    return paths


def judge(operation: Operation, principal: Principal | None) -> None:
    """Whether this principal may call this operation at all. Raises Refusal 401 or 403."""
    if operation.who in {"anyone", "visitor"}:
        if principal is not None and principal.kind == "api_key" and operation.who == "visitor":
            _judge_key(operation, principal)
        return
    if principal is None:
        raise Refusal.of(401, "token_missing", "Log in first: a token is needed in Authorization: Bearer.")
    if principal.kind == "api_key":
        _judge_key(operation, principal)
    elif operation.who == "admin" and not principal.is_admin:
        raise RoleRefusal.of(403, "admins_only", "This is for administrators.")
    elif operation.who == "overseer" and not principal.oversees:
        raise RoleRefusal.of(403, "admins_only", "This is for administrators and operators.")
    elif operation.who == "member" and principal.role != "member":
        raise RoleRefusal.of(403, "members_only", "This is for members; an administrator's token does not act for one.")


def _judge_key(operation: Operation, principal: Principal) -> None:
    if operation.scope is None or not principal.may(operation.scope):
        raise RoleRefusal.of(403, "scope_missing", "This key is not allowed to do this.")


def _nothing(state: Mapping[str, Any], *, known: bool) -> Refusal:
    """What counts like any other request of somebody who is not logged in."""
    try:
        state["rates"].check(None, state["client_address"])
    except Refusal as too_many:
        return too_many
    if known:
        return Refusal.of(405, "method_not_allowed", "This address does not take this method.")
    return Refusal.of(404, "not_found", "There is nothing at this address.")


def _too_large(most: int) -> Refusal:
    return Refusal.of(413, "body_too_large", f"The body must have at most {most} bytes.")


def _bearer(value: str | None) -> str | None:
    if value is None:
        return None
    scheme, _, token = value.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _asks_as_everybody(headers: Mapping[str, str]) -> bool:
    """Without anything that says who asks, be it good or bad."""
    return "authorization" not in headers and "x-service-token" not in headers


async def _no_body() -> Scope:
    return {"type": "http.request", "body": b"", "more_body": False}


def _is_node(principal: Principal | None) -> bool:
    return principal is not None and principal.is_service


def _is_raw(operation: Operation, headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() in operation.raw_types


def _allow(methods: Methods) -> bytes:
    names = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(names)).encode()


async def _send_refusal(send: Send, refusal: Refusal, headers: Headers) -> None:
    all_headers = [*headers, *cache_headers(public=False), *refusal_headers(refusal)]
    await send_whole(send, refusal.status, refusal_body(refusal), all_headers)
