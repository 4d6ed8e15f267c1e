"""What is heard about transfers and the books (EM-06, EM-09)."""

from typing import Any

from libs.common.clock import rfc3339
from libs.common.contracts import ledger
from libs.common.envelope import Envelope
from services.notifier import domain
from services.notifier.domain import NewNotice, Side
from services.notifier.service.deps import Deps
from services.notifier.service.telling import hear, tell


async def transfer_proposed(deps: Deps, envelope: Envelope, event: ledger.TransferProposedV1) -> None:
    """The side that has to answer hears it."""
    sides = domain.told_of_proposal(event.kind, event.initiator)
    await _tell(deps, envelope, _notices("transfer_proposed", event, sides, expires_at=rfc3339(event.expires_at)))


async def transfer_expiring(deps: Deps, envelope: Envelope, event: ledger.TransferExpiringV1) -> None:
    """LE-07: the side that has to answer is reminded."""
    sides = domain.told_of_proposal(event.kind, event.initiator)
    await _tell(deps, envelope, _notices("transfer_expiring", event, sides, expires_at=rfc3339(event.expires_at)))


async def transfer_completed(deps: Deps, envelope: Envelope, event: ledger.TransferCompletedV1) -> None:
    """The side whose proposal was accepted hears it; both where it was made on their behalf."""
    sides = domain.told_of_completion(event.kind, event.initiator)
    kind = domain.completion_notice(event.kind, event.initiator)
    await _tell(deps, envelope, _notices(kind, event, sides, completed_at=rfc3339(event.completed_at)))


async def transfer_cancelled(deps: Deps, envelope: Envelope, event: ledger.TransferCancelledV1) -> None:
    """The side that did not end it hears it; both where the system or an admin did."""
    sides = domain.told_of_cancellation(event.kind, event.by)
    kind = domain.CANCELLATION_NOTICES.get(event.outcome, "transfer_cancelled")
    reason = "" if event.by == "system" else event.reason
    news = _notices(kind, event, sides, cancelled_at=rfc3339(event.cancelled_at), by=event.by, reason=reason)
    await _tell(deps, envelope, news)


async def books_broken(deps: Deps, envelope: Envelope, event: ledger.BooksBrokenV1) -> None:
    """EM-09."""
    told = {
        "check": event.check,
        "detail": event.detail,
        "accounts": event.account_numbers[:20],
        "node": deps.settings.node_name,
    }
    await _tell(deps, envelope, [NewNotice("books_broken", None, told)])


def _notices(kind: str, event: ledger.TransferFact, sides: tuple[Side, ...], **more: Any) -> list[NewNotice]:
    parties = {"payer": (event.payer, event.payee), "payee": (event.payee, event.payer)}
    found = []
    for side in sides:
        me, other = parties[side]
        if me.entity_id is None:  # a community account has no mailbox
            continue
        told = {
            "transfer_id": event.transfer_id,
            "side": side,
            "other": other.name,
            "amount_minor": event.amount_minor,
            "unit": event.unit,
            "description": event.description,
            **more,
        }
        found.append(NewNotice(kind, me.entity_id, told))
    return found


async def _tell(deps: Deps, envelope: Envelope, news: list[NewNotice]) -> None:
    if news:
        await hear(deps, envelope, lambda connection: tell(deps, connection, envelope.id, envelope.time, news))
