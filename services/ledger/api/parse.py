"""Bodies and queries of the ledger's API, checked by hand where every microsecond counts; all problems at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from libs.common import context, lean
from libs.common.auth import Principal
from libs.common.errors import Problem, Refusal
from libs.common.ids import is_id
from libs.common.lean import Handler, LeanRoute, caller
from libs.common.texts import TextError, clean
from libs.common.web import refusal_response
from services.ledger.api.refusals import refusal
from services.ledger.domain import DESCRIPTION_LENGTH_MAX, KEY_LENGTH_MAX, REASON_LENGTH_MAX, is_amount, is_number
from services.ledger.service.writer import AWAY, QueueFull, StoreAway
from services.ledger.store.postings import Asked, Outcome

FULL_RETRY_S = 1
AWAY_RETRY_S = 2


def _answering(handler: Handler) -> Handler:
    """A full queue or a lost database is 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except QueueFull:
            return refusal_response(
                Refusal.of(503, "busy", "Too many requests at once; try again.", retry_after_s=FULL_RETRY_S)
            )
        except (StoreAway, *AWAY) as fault:
            return await on_away(request, fault)

    return answer


async def on_away(request: Request, fault: Exception) -> Response:
    """503: whoever repeats the request under its key learns what became of it."""
    return refusal_response(
        Refusal.of(
            503,
            "store_away",
            "The books cannot be reached; repeat the request with the same Idempotency-Key.",
            retry_after_s=AWAY_RETRY_S,
        )
    )


def add_lean(app: FastAPI, routes: Sequence[LeanRoute]) -> None:
    """Lean routes of the ledger."""
    lean.add_lean(app, [(path, _answering(handler), method) for path, handler, method in routes])


async def person(request: Request, scope: str) -> Principal:
    """A person or an API key; no service acts for a member."""
    found = await caller(request, scope)
    if found.is_service:
        raise Refusal.of(403, "forbidden", "A service does not act for a member.")
    return found


def asked(request: Request, who: Principal, *body_parts: object) -> Asked:
    """Who asks and under which key; the hash of what is asked tells a repeat from another request."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise Refusal.of(
            400, "idempotency_key_wrong", f"An Idempotency-Key has 1 to {KEY_LENGTH_MAX} printable characters."
        )
    digest = sha256(repr(body_parts).encode()).digest() if key is not None else b""
    return Asked(who.id, who.entity_id, key, digest, context.request_id.get())


def number(value: object, field: str, problems: list[Problem]) -> str:
    """An account number."""
    if is_number(value):
        return str(value)
    if value is None:
        problems.append(Problem("missing", "An account number is needed.", field))
    else:
        problems.append(Problem("unknown_account", "This is not an account number.", field))
    return ""


def amount(value: object, problems: list[Problem], field: str = "amount_minor") -> int:
    """An amount in whole minor units, above 0 and at most 10^12 units."""
    if value is None:
        problems.append(Problem("missing", "An amount is needed.", field))
    elif isinstance(value, bool) or not isinstance(value, int):
        problems.append(Problem("amount_not_a_number", "The amount must be a whole number of minor units.", field))
    elif value <= 0:
        problems.append(Problem("amount_not_positive", "The amount must be more than 0.", field))
    elif not is_amount(value):
        problems.append(Problem("amount_too_large", "The amount must be at most 1000000000000.", field))
    else:
        return value
    return 0


def text(
    value: object,
    field: str,
    problems: list[Problem],
    length_max: int = DESCRIPTION_LENGTH_MAX,
    *,
    multiline: bool = True,
) -> str:
    """A text in its normal form; a missing one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        problems.append(Problem(f"{field}_not_a_text", "This must be a text.", field))
        return ""
    try:
        return clean(value, length_max, multiline=multiline)
    except TextError as fault:
        problems.append(Problem(f"{field}_{fault.code}", fault.message, field))
        return ""


def reason(shape: Mapping[str, Any], problems: list[Problem]) -> str:
    """Why, in at most 500 characters."""
    return text(shape.get("reason"), "reason", problems, REASON_LENGTH_MAX)


def refuse_if(problems: list[Problem]) -> None:
    """Raises the refusal that names all of them."""
    if problems:
        raise Refusal(400, problems)


def transfer_id(request: Request) -> str:
    """The transfer in the path; what is no id is nobody's transfer."""
    value = str(request.path_params["transfer_id"])
    if not is_id(value):
        raise refusal("not_a_party")
    return value


def moment(value: str | None, field: str) -> datetime | None:
    """An RFC 3339 moment of a query."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1900 < found.year < 9000:
        raise Refusal.of(400, "date_wrong", "This must be an RFC 3339 moment with its offset.", field)
    return found.astimezone(UTC)


def outcome_response(outcome: Outcome, status: int = 200, *, at_accept: bool = False) -> Response:
    """The transfer, or the refusal of the outcome's code."""
    if outcome.code != "ok" or outcome.answer is None:
        code = "limit_at_accept" if at_accept and outcome.code == "limit_reached" else outcome.code
        raise refusal(code, room_minor=outcome.room_minor)
    shape = outcome.answer
    if outcome.replayed:
        shape = shape[:-1] + ', "replayed": true}'
    return Response(shape.encode(), status, media_type="application/json")
