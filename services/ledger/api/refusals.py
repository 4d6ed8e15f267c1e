"""Outcome codes of the database to status and sentence: given once, here."""

from libs.common.errors import Problem, Refusal
from libs.common.money import decimal_text

_TABLE: dict[str, tuple[int, str, str, str | None]] = {
    # code of the outcome: status, public code, sentence, field
    "not_your_account": (403, "not_your_account", "You do not act for this account.", "initiator"),
    "not_a_party": (403, "not_a_party", "You have no part in this transfer.", None),
    "own_proposal": (400, "own_proposal", "The other party decides about your own proposal.", None),
    "not_own_proposal": (400, "not_own_proposal", "Only its initiator can cancel this; you can reject it.", None),
    "same_account": (400, "same_account", "An account cannot pay itself.", "receiver"),
    "unknown_account": (400, "unknown_account", "There is no such account to trade with.", "receiver"),
    "unknown_payer": (400, "unknown_account", "There is no such account to pay from.", "payer"),
    "other_unit": (400, "other_unit", "The two accounts are kept in different units.", "receiver"),
    "may_not_trade": (400, "may_not_trade", "This account may not trade.", "initiator"),
    "other_may_not_trade": (400, "may_not_trade", "The other account may not trade.", "receiver"),
    "account_frozen": (409, "account_frozen", "One of the accounts is frozen until its books are checked.", None),
    "account_closed": (409, "account_closed", "The account is closed.", None),
    "limit_reached": (400, "limit_reached", "The amount would break a limit of the account.", "amount"),
    "other_limit_reached": (
        400,
        "limit_reached",
        "The other account cannot take part in a transfer of this amount now.",
        "amount",
    ),
    "limit_at_accept": (
        400,
        "limit_reached",
        "The transfer would break a limit now and has been cancelled.",
        None,
    ),
    "transfer_finished": (400, "transfer_finished", "The transfer is finished already.", None),
    "not_completed": (400, "not_completed", "Only a completed transfer can be refunded.", None),
    "refund_too_large": (400, "refund_too_large", "More than the transfer's amount cannot be refunded.", "amount"),
    "group_too_large": (400, "group_too_large", "The group has too many transfers.", None),
    "not_in_group": (400, "not_in_group", "The initiator must be a party of the group.", "initiator"),
    "idempotency_conflict": (
        409,
        "idempotency_conflict",
        "This Idempotency-Key was used for another request.",
        None,
    ),
    "limit_below_balance": (400, "limit_below_balance", "The present balance would break this limit.", None),
    "balance_not_zero": (409, "balance_not_zero", "The account still has a balance.", None),
    "transfers_open": (409, "transfers_open", "The account still has open transfers.", None),
    # lines of an imported file
    "columns_wrong": (400, "columns_wrong", "The line must have five columns.", None),
    "date_wrong": (400, "date_wrong", "The date must be a day or an RFC 3339 moment.", None),
    "date_in_future": (400, "date_in_future", "The date lies in the future.", None),
    "date_order": (400, "date_order", "An earlier line of these accounts has a later date.", None),
    "account_in_use": (400, "account_in_use", "The account has transfers of its own already.", None),
    "amount_not_a_number": (400, "amount_not_a_number", "The amount must be a number.", "amount"),
    "amount_too_many_decimals": (400, "amount_too_many_decimals", "The amount has more than two decimals.", "amount"),
    "amount_not_positive": (400, "amount_not_positive", "The amount must be more than 0.", "amount"),
    "amount_too_large": (400, "amount_too_large", "The amount must be at most 1000000000000.", "amount"),
    "description_too_long": (400, "description_too_long", "The description is too long.", "description"),
    "description_control_character": (
        400,
        "description_control_character",
        "The description holds control characters.",
        "description",
    ),
    "imported": (200, "imported", "Imported.", None),
    "repeated": (200, "repeated", "Imported by an earlier load.", None),
    "ok": (200, "ok", "", None),
    "direction_wrong": (400, "direction_wrong", "The direction is `out` or `in`.", "direction"),
    "busy": (503, "busy", "Too many requests at once; try again.", None),
    "store_away": (503, "store_away", "The books cannot be reached; repeat with the same key.", None),
    "not_done": (400, "not_done", "Nothing was done, because another line was refused.", None),
}


def refusal(code: str, *, room_minor: int | None = None) -> Refusal:
    """The refusal for an outcome. `room_minor`: the largest possible amount, told only of one's own limit."""
    status, public_code, sentence, field = _TABLE[code]
    if code == "limit_reached" and room_minor is not None:
        sentence = f"{sentence} The largest possible amount is {decimal_text(max(room_minor, 0))}."
    return Refusal(status, [Problem(public_code, sentence, field)])


def words(code: str, *, room_minor: int | None = None) -> tuple[str, str]:
    """Public code and sentence of an outcome in a list of lines."""
    [problem] = refusal(code, room_minor=room_minor).problems
    return problem.code, problem.message
