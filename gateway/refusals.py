"""Who was refused an operation goes into the activity log (AD-07); identity keeps it to one record a minute each."""

import structlog

from gateway.clients.identity import IdentityClient
from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.peers import Caller

log = structlog.get_logger(__name__)
NOTED_BY_IDENTITY = "forbidden"
"""The code with which identity refuses: it has made its record then."""


async def note_refusal(
    identity: IdentityClient, caller: Caller, principal: Principal | None, operation: str, refusal: Refusal
) -> None:
    """Records that a person, or a program with a key, was told 403. A record that cannot be made changes no answer."""
    if refusal.status != 403 or principal is None or principal.is_service:
        return
    if any(problem.code == NOTED_BY_IDENTITY for problem in refusal.problems):
        return
    try:
        await identity.note_refusal(caller, user_id=principal.id, role=principal.role, operation=operation)
    except Refusal as failed:
        log.warning("refusal_not_noted", operation=operation, why=str(failed))
