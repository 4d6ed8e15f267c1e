"""The route of the import of a past (AD-11)."""

from fastapi import APIRouter, Request, Response

from libs.common import context
from libs.common.errors import Refusal
from libs.common.web import body_limit, json_response, router
from services.ledger.api.accounts import Who
from services.ledger.api.refusals import words
from services.ledger.service.imports import LineOutcome, UnreadableFile, import_past
from services.ledger.service.ledger import Ledger

FILE_BYTES_MAX = 8 * 1_048_576
IMPORTERS = frozenset({"operator", "gateway"})
"""Services that may import: the operator's command line, and the gateway for the demo loader inside the node."""


def routes(ledger: Ledger) -> APIRouter:
    """`POST /imports/transfers`."""
    paths = router()

    @paths.post("/imports/transfers")
    @body_limit(FILE_BYTES_MAX)
    async def import_transfers(request: Request, who: Who) -> Response:
        if not (who.is_admin or (who.is_service and who.id in IMPORTERS)):
            raise Refusal.of(403, "forbidden", "Only an admin may import.")
        caller = who.id if who.is_admin else None
        try:
            outcomes = await import_past(
                ledger, await request.body(), caller=caller, request_id=context.request_id.get()
            )
        except UnreadableFile as fault:
            raise Refusal.of(400, "file_unreadable", str(fault)) from None
        lines = [_line(outcome) for outcome in outcomes]
        counts = {code: sum(line["code"] == code for line in lines) for code in ("imported", "repeated")}
        return json_response({"lines": lines, **counts, "refused": len(lines) - sum(counts.values())})

    return paths


def _line(outcome: LineOutcome) -> dict[str, object]:
    code, message = words(outcome.code)
    return {"line": outcome.line, "code": code, "message": message, "transfer_id": outcome.transfer_id}
