"""Lines for the activity log (AD-07): told in the transaction of the change, so there is none without the other."""

from dataclasses import dataclass
from typing import Any

from libs.common import outbox
from libs.common.contracts import category_of
from libs.common.contracts.notifier import AuditRecordedV1
from libs.common.database import Connection
from services.notifier.service.deps import Deps, Reader


@dataclass(frozen=True, slots=True)
class Line:
    """What was changed, and of whom: `subject_id` is a webhook, an entity or a person. Never a secret."""

    action: str
    detail: str
    subject_kind: str
    subject_id: str
    entity_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


async def record(deps: Deps, connection: Connection, line: Line, *, by: Reader | None, category: str = "user") -> None:
    """Tells it. Without `by` nobody is known to have done it: `category` says whose doing it was."""
    event = AuditRecordedV1(
        actor_id=by.user_id if by else None,
        actor_role=by.role if by else None,
        category=category_of(by.role) if by else category,
        action=line.action,
        detail=line.detail,
        subject_kind=line.subject_kind,
        subject_id=line.subject_id,
        entity_id=line.entity_id,
        before=line.before,
        after=line.after,
        at=deps.clock(),
    )
    await outbox.add(connection, [event.envelope(subject=line.subject_id, sequence=0, time=event.at)])
