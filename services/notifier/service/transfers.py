"""What is heard about transfers and the books (EM-06, EM-09)."""

from typing import Any

from libs.common.clock import rfc3339
from libs.common.contracts import ledger
from services.notifier import domain
from services.notifier.domain import NewNotice, Side


def transfer_proposed(event: ledger.TransferProposedV1) -> list[NewNotice]:
    """The side that has to answer hears it."""
    sides = domain.told_of_proposal(event.kind, event.initiator)
    return _notices("transfer_proposed", event, sides, expires_at=rfc3339(event.expires_at))


def transfer_expiring(event: ledger.TransferExpiringV1) -> list[NewNotice]:
    """LE-07: the side that has to answer is reminded."""
    sides = domain.told_of_proposal(event.kind, event.initiator)
    return _notices("transfer_expiring", event, sides, expires_at=rfc3339(event.expires_at))


def transfer_completed(event: ledger.TransferCompletedV1) -> list[NewNotice]:
    """The side whose proposal was accepted hears it; both where it was made on their behalf."""
    sides = domain.told_of_completion(event.kind, event.initiator)
    kind = domain.completion_notice(event.kind, event.initiator)
    return _notices(kind, event, sides, completed_at=rfc3339(event.completed_at))


def transfer_cancelled(event: ledger.TransferCancelledV1) -> list[NewNotice]:
    """The side that did not end it hears it; both where the system or an admin did."""
    sides = domain.told_of_cancellation(event.kind, event.by)
    kind = domain.CANCELLATION_NOTICES.get(event.outcome, "transfer_cancelled")
    reason = "" if event.by == "system" else event.reason
    return _notices(kind, event, sides, cancelled_at=rfc3339(event.cancelled_at), by=event.by, reason=reason)


def books_broken(event: ledger.BooksBrokenV1, *, node: str) -> list[NewNotice]:
    """EM-09."""
    told = {
        "check": event.check,
        "detail": event.detail,
        "accounts": event.account_numbers[:20],
        "node": node,
    }
    return [NewNotice("books_broken", None, told)]


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
