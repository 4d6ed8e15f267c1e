"""One operation of the API, declared once: the same declaration routes, reads, guards, answers and describes it."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from gateway.context import GatewayContext
from libs.common.auth import Principal
from libs.common.errors import Problem
from libs.common.paths import open_parts
from libs.common.peers import Caller

Who = Literal["anyone", "visitor", "member", "admin", "overseer", "person"]
"""`anyone`: the token is not even looked at; `visitor`: with or without one; `overseer`: an admin or an operator;
`person`: whoever is logged in."""
Scope = Literal["read", "propose", "accept"]
"""What an API key must be allowed; without a scope an operation is for people only."""


class Given(BaseModel):
    """Base of bodies and of parameters. Unknown fields are ignored: programs of the published API may send more."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_alias=True, validate_by_name=False)


class NoQuery(Given):
    """An operation without parameters."""


@dataclass(slots=True)
class Call:
    """One request that has passed every guard."""

    context: GatewayContext
    caller: Caller
    """Speaks with the person's token; without one where nobody is logged in."""
    principal: Principal | None
    headers: Mapping[str, str]
    raw: bytes = b""
    """The body as it came, for operations that take something else than JSON."""

    @property
    def own_caller(self) -> Caller:
        """The same request, asked by the gateway for itself."""
        return replace(self.caller, token=None, idempotency_key=None)

    @property
    def logged_in(self) -> bool:
        return self.principal is not None

    @property
    def is_admin(self) -> bool:
        return self.principal is not None and self.principal.is_admin

    @property
    def user_id(self) -> str:
        """Of the logged-in person."""
        if self.principal is None:
            raise RuntimeError("this operation is open to people who are not logged in")
        return self.principal.id


@dataclass(frozen=True, slots=True)
class Meta:
    """Beside a numbered list."""

    total: int
    page_size: int

    def to_json(self) -> dict[str, int]:
        return {"numberOfResults": self.total, "totalPages": max(1, -(-self.total // self.page_size))}


@dataclass(frozen=True, slots=True)
class Reply:
    """A success: `data` becomes `{"data": …}`; None answers without a body's `data`."""

    data: Any = None
    meta: Meta | Mapping[str, Any] | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawReply:
    """A success that is not JSON of ours: a file that streams, or a whole document."""

    content_type: str
    chunks: AsyncIterator[bytes] | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Handler = Callable[..., Awaitable[Reply | RawReply]]
"""`async def handler(call, <each part of the path>, *, body=…, query=…)`; body and query only where it has them."""
Faults = Callable[[Call, Mapping[str, Any]], Awaitable[Sequence[Problem]]]
"""What the services would refuse of those fields of a body whose shape is right; nothing is kept."""
Declared = TypeVar("Declared", bound=Handler)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of one path does, for whom, with what, and how it may answer."""

    method: str
    path: str
    handler: Handler
    summary: str
    who: Who
    scope: Scope | None
    query: type[Given] | None
    body: type[Given] | None
    answers: Any
    """Type of `data`, or None where the answer is the status alone."""
    status: int
    statuses: frozenset[int]
    """All statuses it may answer with, success aside; 413 and 503 always may be."""
    private: bool
    """Whether what it names is nobody else's business: unknown and somebody else's are then refused alike."""
    unknown: int
    """The status of that refusal."""
    numbered: bool
    """Whether `meta` with numbers comes along."""
    cursored: bool
    """Whether `meta` with the cursor of the next part comes along."""
    large_body: bool
    raw_types: tuple[str, ...]
    """Media types beside JSON that the body may have (the handler reads `call.raw`)."""
    raw_schema: Mapping[str, Any] | None
    """What such a body holds, where that is more than a text."""
    raw_example: Any
    media_types: tuple[str, ...]
    """Media types of the answer beside JSON."""
    kept: bool
    """Whether its answer is the same for everybody who is not logged in, and may be kept for them for a second."""
    published: bool
    """Whether it is one of the operations of the published v1 API."""
    tag: str
    example: Any
    answer_example: Any
    """Of an answer that is not JSON of ours; the others' are made from their shapes."""
    faults: Faults | None
    """Asked when the body's shape is wrong, so that everything that is wrong is told at once."""
    path_names: tuple[str, ...] = field(init=False)
    names: frozenset[str] = field(init=False)
    """Of everything that a sender may give, as the sender calls it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path_names", open_parts(self.path))
        shapes = [shape for shape in (self.query, self.body) if shape is not None]
        given = {about.alias or name for shape in shapes for name, about in shape.model_fields.items()}
        object.__setattr__(self, "names", frozenset({*given, *self.path_names}))

    @property
    def name(self) -> str:
        """A name for programs, from the handler's."""
        return self.handler.__name__


@dataclass(slots=True)
class Registry:
    """All operations, in the order of their declaration."""

    operations: list[Operation] = field(default_factory=list)

    def operation(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        who: Who,
        tag: str,
        statuses: Sequence[int],
        scope: Scope | None = None,
        answers: Any = None,
        status: int = 200,
        private: bool = False,
        unknown: int | None = None,
        numbered: bool = False,
        cursored: bool = False,
        large_body: bool = False,
        raw_types: tuple[str, ...] = (),
        raw_schema: Mapping[str, Any] | None = None,
        raw_example: Any = None,
        media_types: tuple[str, ...] = (),
        kept: bool = False,
        published: bool = False,
        example: Any = None,
        answer_example: Any = None,
        faults: Faults | None = None,
    ) -> Callable[[Declared], Declared]:
        """Declares the decorated handler. 429 and 500 are always among the statuses, 400 where the published API lets us."""
        listed = frozenset({*statuses, 429, 500, *(() if published else (400,))})

        def declare(handler: Declared) -> Declared:
            parameters = inspect.signature(handler).parameters
            made = Operation(
                method=method, path=path, handler=handler, summary=summary, who=who, scope=scope,
                query=parameters["query"].annotation if "query" in parameters else None,
                body=_shape(parameters["body"].annotation) if "body" in parameters else None,
                answers=answers,
                status=status,
                statuses=listed,
                private=private,
                unknown=unknown or (403 if private and 403 in listed else 404 if 404 in listed else 400),
                numbered=numbered,
                cursored=cursored,
                large_body=large_body,
                raw_types=raw_types,
                raw_schema=raw_schema,
                raw_example=raw_example,
                media_types=media_types,
                kept=kept,
                published=published,
                tag=tag,
                example=example,
                answer_example=answer_example,
                faults=faults,
            )  # fmt: skip
            self.operations.append(made)
            return handler

        return declare


def _shape(annotation: Any) -> Any:
    """`Shape | None` (a body that may also come in another media type) is read as Shape."""
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    return kinds[0] if kinds else annotation
