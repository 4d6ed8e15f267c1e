"""Routes of an account's history: statement by cursor, balance at a moment, series (LE-14)."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from libs.common.auth import Principal
from libs.common.clock import Clock, rfc3339
from libs.common.errors import Refusal
from libs.common.paging import Cursor
from libs.common.web import json_response, router
from services.ledger.api import parse
from services.ledger.api.accounts import Entity, Who
from services.ledger.api.readers import reader_of
from services.ledger.api.refusals import refusal
from services.ledger.service.ledger import Ledger
from services.ledger.store.statements import StatementRange, Statements

PAGE_MAX = 200
DAYS_MAX = 400
DAYS_DEFAULT = 90


def routes(ledger: Ledger, statements: Statements, clock: Clock) -> APIRouter:
    """The history's routes."""
    paths = router()

    @paths.get("/accounts/{entity_id}/statement")
    async def statement(
        entity_id: Entity,
        who: Who,
        date_from: str | None = None,
        date_to: str | None = None,
        text: Annotated[str | None, Query(max_length=100)] = None,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        await owned(ledger, who, entity_id)
        first, last = span(date_from, date_to)
        before = None if cursor is None else _seq(cursor)
        wanted = StatementRange(first, last, text or None)
        lines = await statements.page(entity_id, wanted, before_seq=before, limit=limit + 1)
        following = Cursor.encode(lines[limit - 1]["seq"]) if len(lines) > limit else None
        return json_response({"items": lines[:limit], "next": following})

    @paths.get("/accounts/{entity_id}/balance")
    async def balance_at(entity_id: Entity, who: Who, at: str | None = None) -> Response:
        account = await owned(ledger, who, entity_id)
        moment = parse.moment(at, "at") or clock()
        balance = await statements.balance_at(entity_id, moment)
        return json_response(
            {"entity_id": entity_id, "at": rfc3339(moment), "balance_minor": balance, "unit": account["unit"]}
        )

    @paths.get("/accounts/{entity_id}/series")
    async def series(entity_id: Entity, who: Who, date_from: str | None = None, date_to: str | None = None) -> Response:
        await owned(ledger, who, entity_id)
        first, last = span(date_from, date_to)
        zone = ledger.settings.zone
        end = (last - timedelta(microseconds=1) if last else clock()).astimezone(zone).date()
        begin = first.astimezone(zone).date() if first else end - timedelta(days=DAYS_DEFAULT - 1)
        if (end - begin).days >= DAYS_MAX:
            raise Refusal.of(400, "range_too_long", f"At most {DAYS_MAX} days at once.", "date_from")
        points = await statements.days(entity_id, first=begin, last=end, zone=ledger.settings.time_zone)
        return json_response({"items": points})

    return paths


async def owned(ledger: Ledger, who: Principal, entity_id: str) -> dict[str, object]:
    """The account, where the caller may see its history; raises Refusal 403 else."""
    if not who.may("read"):
        raise Refusal.of(403, "scope_missing", "This API key may not read.")
    found = await ledger.reads.account(reader_of(who), entity_id)
    if found is None:
        raise refusal("not_your_account")
    return found


def span(date_from: str | None, date_to: str | None) -> tuple[datetime | None, datetime | None]:
    """The range of a query; raises Refusal 400 `date_wrong` or `range_backwards`."""
    first, last = parse.moment(date_from, "date_from"), parse.moment(date_to, "date_to")
    if first and last and first > last:
        raise Refusal.of(400, "range_backwards", "The range ends before it begins.", "date_to")
    return first, last


def _seq(cursor: str) -> int:
    value = Cursor.decode(cursor)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise Refusal.of(400, "cursor_invalid", "This is not a cursor of this list.", "cursor")
    return value
