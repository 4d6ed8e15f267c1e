"""Routes of accounts: opening, standing, limits, closing, reading."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from libs.common import context, lean
from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.ids import is_id
from libs.common.money import AMOUNT_MAX_MINOR
from libs.common.texts import clean
from libs.common.web import json_response, principal, require_admin, require_service, router
from services.ledger.api import parse
from services.ledger.api.readers import reader_of
from services.ledger.api.refusals import refusal
from services.ledger.api.transfers import pending_shape
from services.ledger.domain import NAME_LENGTH_MAX, REASON_LENGTH_MAX, is_number
from services.ledger.service import accounts as use
from services.ledger.service.ledger import Ledger
from services.ledger.store.reads import Reader

FETCH_MAX = 200
_FETCH_FIELDS = frozenset({"entity_ids", "numbers", "with_pending"})
EXPORT_MAX = 500
Status = Literal["pending", "rejected", "accepted", "tradingPending", "tradingRejected", "tradingAccepted"]
Who = Annotated[Principal, Depends(principal)]
Admin = Annotated[Principal, Depends(require_admin)]
ServiceOnly = Annotated[Principal, Depends(require_service)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenBody(_Body):
    name: str = Field(max_length=NAME_LENGTH_MAX)
    """Empty where the entity has none yet."""
    owner_user_id: str | None = Field(None, max_length=64)

    @field_validator("name")
    @classmethod
    def _a_clean_name(cls, value: str) -> str:
        return clean(value, NAME_LENGTH_MAX)


class StandingBody(_Body):
    status: Status
    may_trade: bool
    name: str | None = Field(None, max_length=NAME_LENGTH_MAX)


class LimitsBody(_Body):
    max_negative_minor: int | None = Field(None, ge=0, le=AMOUNT_MAX_MINOR, strict=True)
    max_positive_minor: int | None = Field(None, ge=0, le=AMOUNT_MAX_MINOR, strict=True)
    reason: str = Field("", max_length=REASON_LENGTH_MAX)

    @field_validator("reason")
    @classmethod
    def _a_clean_reason(cls, value: str) -> str:
        return clean(value, REASON_LENGTH_MAX, multiline=True)


async def an_entity(entity_id: Annotated[str, Path()]) -> str:
    """The entity in the path; what is no id is nobody's."""
    if not is_id(entity_id):
        raise refusal("not_your_account")
    return entity_id


Entity = Annotated[str, Depends(an_entity)]


def routes(ledger: Ledger) -> APIRouter:
    """The accounts' routes."""
    paths = router()
    _add_changes(paths, ledger)
    _add_reads(paths, ledger)
    return paths


def add_lean_reads(app: FastAPI, ledger: Ledger) -> None:
    """What every page and every look at a balance asks."""

    async def account(request: Request) -> Response:
        who = await lean.caller(request, "read")
        entity_id = request.path_params["entity_id"]
        found = await ledger.reads.account(reader_of(who), entity_id) if is_id(entity_id) else None
        if found is None:
            raise _unknown() if who.is_admin and is_id(entity_id) else refusal("not_your_account")
        return json_response(found)

    async def fetch(request: Request) -> Response:
        who = await lean.caller(request, "read")
        asked = await lean.body(request, _FETCH_FIELDS)
        entity_ids, numbers = (lean.texts(asked, name, FETCH_MAX) for name in ("entity_ids", "numbers"))
        found = await ledger.reads.accounts(
            reader_of(who),
            entity_ids=list(filter(is_id, entity_ids)),
            numbers=list(filter(is_number, numbers)),
            with_pending=asked.get("with_pending") is True,
        )
        return json_response({"items": [_with_pending(account) for account in found]})

    parse.add_lean(app, [("/accounts/{entity_id}", account, "GET"), ("/accounts/fetch", fetch, "POST")])


def _with_pending(account: dict[str, Any]) -> dict[str, Any]:
    if "pending" not in account:
        return account
    shapes = [pending_shape(account["entity_id"], row, row["shape"]) for row in account["pending"]]
    return account | {"pending": shapes}


def _add_changes(paths: APIRouter, ledger: Ledger) -> None:
    @paths.put("/accounts/{entity_id}")
    async def open_account(entity_id: Entity, body: OpenBody, who: ServiceOnly) -> Response:
        await use.open_account(ledger, entity_id, body.name, body.owner_user_id, context.request_id.get())
        return await _whole(ledger, entity_id)

    @paths.put("/accounts/{entity_id}/standing")
    async def set_standing(entity_id: Entity, body: StandingBody, who: Who) -> Response:
        if not (who.is_admin or who.is_service):
            raise Refusal.of(403, "forbidden", "Only an admin may do this.")
        admin = who.id if who.is_admin else None
        await _done(
            ledger,
            use.set_standing(
                ledger, entity_id, body.status, body.may_trade, body.name, admin, context.request_id.get()
            ),
        )
        return await _whole(ledger, entity_id)

    @paths.delete("/accounts/{entity_id}", status_code=204)
    async def close_account(entity_id: Entity, who: Who) -> Response:
        if not (who.is_admin or who.is_service):
            raise Refusal.of(403, "forbidden", "Only an admin may do this.")
        by = who.id if who.is_admin else None
        await _done(ledger, use.close_account(ledger, entity_id, by, context.request_id.get()))
        return Response(status_code=204)

    @paths.put("/accounts/{entity_id}/limits")
    async def set_limits(entity_id: Entity, body: LimitsBody, who: Admin) -> Response:
        limits = use.Limits(body.max_negative_minor, body.max_positive_minor, body.reason)
        await _done(ledger, use.set_limits(ledger, entity_id, limits, who.id, context.request_id.get()))
        return await _whole(ledger, entity_id)


def _add_reads(paths: APIRouter, ledger: Ledger) -> None:
    @paths.get("/accounts")
    async def find(
        who: Admin,
        balance_min_minor: int | None = None,
        max_positive_min_minor: int | None = None,
        max_negative_min_minor: int | None = None,
        number: Annotated[str | None, Query(max_length=32)] = None,
    ) -> Response:
        bounds = (balance_min_minor, max_positive_min_minor, max_negative_min_minor)
        if any(bound is not None and abs(bound) > AMOUNT_MAX_MINOR for bound in bounds):
            raise Refusal.of(400, "amount_too_large", "The amount must be at most 1000000000000.")
        found = await ledger.reads.find_entities(
            balance_min=balance_min_minor,
            max_positive_min=max_positive_min_minor,
            max_negative_min=max_negative_min_minor,
            number=number,
        )
        return json_response({"entity_ids": found})

    @paths.get("/export/bands")
    async def bands(
        who: ServiceOnly, after: str | None = None, limit: Annotated[int, Query(ge=1, le=EXPORT_MAX)] = EXPORT_MAX
    ) -> Response:
        if after is not None and not is_id(after):
            raise Refusal.of(400, "after_wrong", "This is not an entity's id.", "after")
        items = await ledger.reads.bands(after=after, limit=limit)
        return json_response({"items": items, "next": items[-1]["entity_id"] if len(items) == limit else None})

    @paths.get("/accounts/{entity_id}/limits")
    async def limit_history(entity_id: Entity, who: Admin) -> Response:
        return json_response({"items": await ledger.reads.limit_history(entity_id)})


def _unknown() -> Refusal:
    return Refusal.of(404, "unknown_account", "There is no account of this entity.")


async def _done(ledger: Ledger, change: Any) -> None:
    code = await change
    if code == "unknown_account":
        raise _unknown()
    if code != "ok":
        raise refusal(code)


async def _whole(ledger: Ledger, entity_id: str) -> Response:
    found = await ledger.reads.account(Reader("", sees_all=True), entity_id)
    if found is None:
        raise _unknown()
    return json_response(found)
