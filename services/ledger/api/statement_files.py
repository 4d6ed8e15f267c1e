"""Routes of a statement as a file: CSV, PDF, and the proof as JSON (LE-14, LE-19)."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from libs.common.clock import Clock
from libs.common.errors import Refusal
from libs.common.web import router
from services.ledger.api.accounts import Entity, Who
from services.ledger.api.statement import owned, span
from services.ledger.service.ledger import Ledger
from services.ledger.service.statement_files import LINES_MAX, BooksBroken, Files, Range, TooManyLines, proof_bytes
from services.ledger.statement_pdf import Sheet, render


def routes(ledger: Ledger, files: Files, clock: Clock) -> APIRouter:
    """The files' routes."""
    paths = router()
    drawing = asyncio.Semaphore(2)

    @paths.get("/accounts/{entity_id}/statement.csv")
    async def as_csv(entity_id: Entity, who: Who, date_from: str | None = None, date_to: str | None = None) -> Response:
        account = await owned(ledger, who, entity_id)
        wanted = Range(*span(date_from, date_to))
        return StreamingResponse(files.csv(entity_id, wanted), media_type="text/csv", headers=_named(account, "csv"))

    @paths.get("/accounts/{entity_id}/statement.json")
    async def as_proof(
        entity_id: Entity, who: Who, date_from: str | None = None, date_to: str | None = None
    ) -> Response:
        account = await owned(ledger, who, entity_id)
        wanted = Range(*span(date_from, date_to))
        async with drawing:
            proof, _ = await _proof(files, account, entity_id, wanted, clock())
        return Response(proof_bytes(proof), media_type="application/json", headers=_named(account, "json"))

    @paths.get("/accounts/{entity_id}/statement.pdf")
    async def as_pdf(
        entity_id: Entity,
        who: Who,
        date_from: str | None = None,
        date_to: str | None = None,
        language: str | None = None,
    ) -> Response:
        account = await owned(ledger, who, entity_id)
        wanted = Range(*span(date_from, date_to))
        async with drawing:
            proof, entries = await _proof(files, account, entity_id, wanted, clock())
            sheet = Sheet(
                community=ledger.settings.node_name,
                account=account,
                proof=proof,
                proof_file=proof_bytes(proof),
                entries=entries,
                names=await files.names(entries),
                span=_said(wanted),
                made_at=f"{clock():%Y-%m-%d %H:%M} UTC",
            )
            drawn = await asyncio.to_thread(render, sheet)
        return Response(drawn, media_type="application/pdf", headers=_named(account, "pdf"))

    return paths


async def _proof(
    files: Files, account: Mapping[str, Any], entity_id: str, wanted: Range, made_at: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        return await files.proof(account, entity_id, wanted, made_at)
    except TooManyLines:
        raise Refusal.of(
            400,
            "range_too_long",
            f"At most {LINES_MAX} lines fit one file: choose a shorter range, or take the CSV.",
            "date_from",
        ) from None
    except BooksBroken as broken:
        raise Refusal.of(
            409, "books_broken", f"The books are broken here and must be repaired first: {broken}."
        ) from None


def _named(account: Mapping[str, Any], ending: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="statement-{account["number"]}.{ending}"',
        "Cache-Control": "private, no-store",
    }


def _said(wanted: Range) -> str:
    first = f"from {wanted.date_from:%Y-%m-%d}" if wanted.date_from else "from the beginning"
    last = f"to before {wanted.date_to:%Y-%m-%d %H:%M}" if wanted.date_to else "to now"
    return f"{first} {last}"
