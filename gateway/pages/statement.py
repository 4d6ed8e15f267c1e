"""The statement: completed transfers with the running balance, filters, a chart, and the same as CSV and PDF."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response, StreamingResponse

from gateway.clients.ledger_shapes import StatementJson
from gateway.pages.chart import chart_of
from gateway.pages.gather import Part, part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.clock import rfc3339
from libs.common.errors import Problem, Refusal
from libs.common.peers import StreamedAnswer

_LINES = 40
_TEXT_MAX = 100
_CURSOR_MAX = 500


def _range(screen: Screen) -> tuple[str | None, str | None, list[Problem]]:
    """The filter's plain dates as moments: whole local days, the last one included."""
    problems: list[Problem] = []
    found: list[date | None] = []
    for name in ("from", "to"):
        text = screen.query.get(name, "").strip()
        try:
            found.append(date.fromisoformat(text) if text else None)
        except ValueError:
            found.append(None)
            problems.append(Problem("not_a_date", "Please give the date as year-month-day.", name))
    zone = screen.house.context.settings.zone
    first, last = found

    def moment(day: date) -> str:
        return rfc3339(datetime.combine(day, time(), zone))

    end = moment(last + timedelta(days=1)) if last and last < date.max else None
    return moment(first) if first else None, end, problems


async def show_statement(screen: Screen) -> Response:
    acting_id = await screen.acting_id()
    mine = await screen.mine()
    date_from, date_to, problems = _range(screen)
    text, cursor = screen.query.get("text", "").strip()[:_TEXT_MAX], screen.query.get("cursor", "")[:_CURSOR_MAX]
    caller, ledger = screen.caller(), screen.clients.ledger
    lines: Part[StatementJson] = Part({"items": [], "next": None})
    try:
        lines, account, series = await asyncio.gather(
            part_of(
                ledger.statement(
                    caller,
                    acting_id,
                    date_from=date_from,
                    date_to=date_to,
                    text=text or None,
                    cursor=cursor or None,
                    limit=_LINES,
                )
            ),
            part_of(ledger.account(caller, acting_id)),
            part_of(ledger.series(caller, acting_id, date_from=date_from, date_to=date_to)),
        )
    except Refusal as refusal:
        problems += form_problems(refusal)
        account, series = await part_of(ledger.account(caller, acting_id)), Part([])
    told = {name: screen.query.get(name, "") for name in ("from", "to", "text")}
    values: dict[str, Any] = {"own": {acting_id}, "filters": told, "lines": lines, "account": account}
    link = "/statement?" + urlencode({name: value for name, value in told.items() if value} | {"cursor": ""})
    dates = urlencode({name: told[name] for name in ("from", "to") if told[name]})
    return screen.render(
        "statement.html",
        status=400 if problems else 200,
        acting=next((entity for entity in mine.value or () if entity["id"] == acting_id), None),
        problems=problems,
        chart=chart_of(screen.language, series.value or []),
        more=link + quote(lines.value["next"], safe="") if lines.value and lines.value["next"] else None,
        dates=f"?{dates}" if dates else "",
        **values,
    )


async def statement_csv(screen: Screen) -> Response:
    return await _file(screen, "csv")


async def statement_pdf(screen: Screen) -> Response:
    return await _file(screen, "pdf")


async def statement_json(screen: Screen) -> Response:
    return await _file(screen, "json")


async def _file(screen: Screen, form: str) -> Response:
    acting_id = await screen.acting_id()
    date_from, date_to, problems = _range(screen)
    if problems:
        raise Refusal(400, problems)
    ledger, caller = screen.clients.ledger, screen.caller()
    if form == "pdf":
        opened = ledger.statement_pdf(
            caller, acting_id, date_from=date_from, date_to=date_to, language=screen.language.code
        )
        return await _streamed(opened, "application/pdf", "statement.pdf")
    if form == "json":
        opened = ledger.statement_json(caller, acting_id, date_from=date_from, date_to=date_to)
        return await _streamed(opened, "application/json", "statement.json")
    opened = ledger.statement_csv(caller, acting_id, date_from=date_from, date_to=date_to)
    return await _streamed(opened, "text/csv; charset=utf-8", "statement.csv")


async def _streamed(opened: AbstractAsyncContextManager[StreamedAnswer], media_type: str, name: str) -> Response:
    """Opened before the answer begins, so that a refusal is still a page."""
    stack = AsyncExitStack()
    answer = await stack.enter_async_context(opened)

    async def pieces() -> AsyncIterator[bytes]:
        async with stack:
            async for chunk in answer.chunks:
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces(), media_type=media_type, headers=headers)


PAGES = (
    Page("/statement", show_statement, who="member"),
    Page("/statement.csv", statement_csv, who="member"),
    Page("/statement.pdf", statement_pdf, who="member"),
    Page("/statement.json", statement_json, who="member"),
)
