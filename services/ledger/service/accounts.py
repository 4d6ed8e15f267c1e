"""Use cases of accounts: one call of one function of the database each, then the relay is woken."""

from dataclasses import dataclass

from services.ledger.service.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Limits:
    """New limits, both as positive numbers; None leaves a side as it is."""

    max_negative: int | None
    max_positive: int | None
    reason: str


async def open_account(
    ledger: Ledger, entity_id: str, name: str, owner_user_id: str | None, request_id: str | None
) -> None:
    """Idempotent."""
    await ledger.accounts.open(entity_id, name, owner_user_id, request_id)
    ledger.told()


async def set_standing(
    ledger: Ledger,
    entity_id: str,
    status: str,
    may_trade: bool,
    name: str | None,
    admin: str | None,
    request_id: str | None,
) -> str:
    """Acted on from the next posting on. Codes as of Accounts.set_standing."""
    code = await ledger.accounts.set_standing(
        entity_id, status=status, may_trade=may_trade, name=name, admin=admin, request_id=request_id
    )
    ledger.told()
    return code


async def set_limits(ledger: Ledger, entity_id: str, limits: Limits, by: str, request_id: str | None) -> str:
    """With a line in the history (LE-18). Codes as of Accounts.set_limits."""
    code = await ledger.accounts.set_limits(
        entity_id,
        min_balance=None if limits.max_negative is None else -limits.max_negative,
        max_balance=limits.max_positive,
        by=by,
        reason=limits.reason,
        request_id=request_id,
    )
    ledger.told()
    return code


async def close_account(ledger: Ledger, entity_id: str, by: str | None, request_id: str | None) -> str:
    """For ever, at zero balance and without open transfers (LE-21). Codes as of Accounts.close."""
    code = await ledger.accounts.close(entity_id, by=by, request_id=request_id)
    ledger.told()
    return code
