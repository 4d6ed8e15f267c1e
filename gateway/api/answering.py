"""Answers of the API on the wire: JSON, refusals by what an operation may say, headers, compression."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from gateway.api.operation import Meta, Operation, RawReply, Reply
from gateway.api.views import camel_name
from libs.common.errors import Problem, Refusal

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

NOT_YOURS = Problem("not_allowed", "This does not exist, or it is not yours.")
_BASE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_PRIVATE: Headers = [(b"cache-control", b"no-store")]
_PUBLIC: Headers = [(b"cache-control", b"no-cache"), (b"vary", b"Authorization, Accept-Encoding")]
_JSON = (b"content-type", b"application/json")


_OTHER_WORDS = {
    "entity_id": "querying_entity_id",
    "items": "preferences",
    "number": "account_number",
    "other_id": "otherEntityID",
    "text": "search",
    "viewer_entity_id": "querying_entity_id",
}
"""Services' words for what senders call by quite another name."""


class RoleRefusal(Refusal):
    """A refusal by role or scope: it names no object."""


class UnlistedStatus(Exception):  # noqa: N818  an answer that is not passed on, not a fault of ours
    """A service answered what no operation passes on."""


def body_of(reply: Reply) -> bytes:
    """`{"data": …}`, with `meta` beside a list; an operation without an answer gives an empty object."""
    shape: dict[str, Any] = {}
    if reply.data is not None:
        shape["data"] = reply.data
    if reply.meta is not None:
        shape["meta"] = reply.meta.to_json() if isinstance(reply.meta, Meta) else dict(reply.meta)
    return orjson.dumps(shape)


def told(refusal: Refusal, operation: Operation) -> Refusal:
    """The refusal as this operation may say it: only statuses that it lists, fields by the sender's names, and nothing about
    what is not the caller's."""
    if isinstance(refusal, RoleRefusal):
        return Refusal(next((each for each in (403, 401) if each in operation.statuses), 400), refusal.problems)
    problems = [replace(each, field=_senders_name(each.field, operation.names)) for each in refusal.problems]
    return _listed(Refusal(refusal.status, problems, retry_after_s=refusal.retry_after_s), operation)


def _senders_name(field: str | None, names: frozenset[str]) -> str | None:
    """What the sender calls a field of which a service speaks: `share_ppm` is `sharePpm` where that was given."""
    head, dot, rest = (field or "").partition(".")
    if head in names:
        return field
    ours = next((name for name in (camel_name(head), _OTHER_WORDS.get(head)) if name in names), None)
    return field if ours is None else f"{ours}{dot}{rest}"


def _listed(refusal: Refusal, operation: Operation) -> Refusal:
    status = refusal.status
    if operation.private and status in {403, 404}:
        return Refusal(operation.unknown, (NOT_YOURS,))
    if status in {413, 503} or (status in operation.statuses and status != 500):
        retry = (refusal.retry_after_s or 1) if status in {429, 503} else refusal.retry_after_s
        return Refusal(status, refusal.problems, retry_after_s=retry)
    if 400 <= status < 500 and not (status == 401 and operation.who == "anyone"):
        candidates = (400, operation.unknown, 401) if operation.published else (400, operation.unknown)
        nearest = next((each for each in candidates if each in operation.statuses), None)
        if nearest is not None:
            return Refusal(nearest, refusal.problems)
    if status in {502, 504}:
        return Refusal(503, refusal.problems, retry_after_s=refusal.retry_after_s or 1)
    raise UnlistedStatus(f"{status}: {refusal}") from refusal


def refusal_body(refusal: Refusal) -> bytes:
    return orjson.dumps({"errors": [problem.to_json() for problem in refusal.problems]})


def refusal_headers(refusal: Refusal) -> Headers:
    headers: Headers = []
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, refusal.retry_after_s)).encode()))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client with this `Accept-Encoding` takes gzip: `gzip;q=0` refuses it, `*` takes what is not named."""
    weights: dict[str, bool] = {}
    for each in accept_encoding.lower().split(","):
        coding, _, parameter = each.partition(";")
        weight = parameter.strip().removeprefix("q=").strip()
        weights[coding.strip()] = not weight or bool(weight.strip("0."))
    return weights.get("gzip", weights.get("*", False))


def squeezed(body: bytes, least: int, *, taken: bool) -> tuple[bytes, Headers]:
    """The body compressed where the client takes gzip and it is worth it."""
    if not taken or len(body) < least:
        return body, []
    squeezer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return squeezer.compress(body) + squeezer.flush(), [(b"content-encoding", b"gzip")]


async def send_whole(
    send: Send, status: int, body: bytes, headers: Headers, *, content_type: bytes | None = None, head: bool = False
) -> None:
    """One answer with its length."""
    await send({"type": "http.response.start", "status": status, "headers": whole_headers(body, headers, content_type)})
    await send({"type": "http.response.body", "body": b"" if head else body})


def whole_headers(body: bytes, headers: Headers, content_type: bytes | None = None) -> Headers:
    """All headers of an answer that is sent whole."""
    kind = _JSON if content_type is None else (b"content-type", content_type)
    return [kind, (b"content-length", str(len(body)).encode()), *_BASE, *headers]


async def send_stream(send: Send, reply: RawReply, chunks: AsyncIterator[bytes], headers: Headers) -> None:
    """An answer in pieces, in constant memory."""
    kind = (b"content-type", reply.content_type.encode())
    await send({"type": "http.response.start", "status": reply.status, "headers": [kind, *_BASE, *headers]})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def cache_headers(*, public: bool) -> Headers:
    """Private data is never stored by anybody; what everybody sees may be kept but is asked for again."""
    return _PUBLIC if public else _PRIVATE


def extra_headers(given: Mapping[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()]
