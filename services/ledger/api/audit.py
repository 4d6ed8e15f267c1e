"""Routes of the auditor and of the proof's public key."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import Refusal
from libs.common.web import json_response, router
from services.ledger.api.accounts import Who
from services.ledger.service.auditor import Auditor
from services.ledger.store.audit import StillBroken

OPERATOR = "operator"


class Clearance(BaseModel):
    """Why a fault is repaired."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    reason: str = Field(min_length=1, max_length=500)


def routes(auditor: Auditor) -> APIRouter:
    """State on demand, a whole check on demand, the end of a fault."""
    paths = router()

    @paths.get("/audit")
    async def state(who: Who) -> Response:
        _require(who.oversees or who.is_service)
        return json_response(await auditor.store.state())

    @paths.post("/audit")
    async def check(who: Who) -> Response:
        _require(who.is_admin or who.is_service)
        await auditor.whole()
        return json_response(await auditor.store.state())

    @paths.post("/audit/faults/{fault_id}/clearance")
    async def clear(fault_id: int, clearance: Clearance, who: Who) -> Response:
        _require(who.is_admin or (who.is_service and who.id == OPERATOR))
        try:
            found = await auditor.clear(fault_id, who.id, clearance.reason)
        except StillBroken:
            raise Refusal.of(
                409, "still_broken", "An account that this fault names still contradicts its entries: repair it first."
            ) from None
        if not found:
            raise Refusal.of(404, "fault_unknown", "There is no such open fault.")
        return json_response(await auditor.store.state())

    @paths.get("/proof/key")
    async def key(who: Who) -> Response:
        return json_response({"public_key": auditor.keys.public})

    return paths


def _require(allowed: bool) -> None:
    if not allowed:
        raise Refusal.of(403, "forbidden", "Only an admin may look into the books.")
