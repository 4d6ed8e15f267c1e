"""What the ledger answers and takes. Amounts are integer minor units everywhere."""

from typing import Any, Literal, NotRequired, TypedDict

Direction = Literal["out", "in"]
TransferStatus = Literal["initiated", "completed", "cancelled"]


class AccountJson(TypedDict):
    """An account as its members and admins see it; balance, limits and what is available always come together (LE-15)."""

    account_id: str
    entity_id: str | None
    number: str
    name: str
    kind: str
    """`member`, `community` or `system`."""
    unit: str
    status: str
    """The entity's status; `closed` after its deletion."""
    may_trade: bool
    frozen: bool
    balance_minor: int
    held_minor: int
    max_negative_minor: int
    """A positive number: 50000 allows down to -500.00."""
    max_positive_minor: int
    available_to_spend_minor: int
    available_to_receive_minor: int
    opened_at: str
    pending: NotRequired[list["PendingJson"]]
    """Its open proposals, newest first (at most 200), where they were asked for."""


class AccountLineJson(TypedDict):
    """An account as everybody may see it; whole (AccountJson) for its members and for admins."""

    entity_id: str | None
    number: str
    name: str
    may_trade: bool


class PartyJson(TypedDict):
    entity_id: str | None
    number: str
    name: str


class FeeJson(TypedDict):
    """A leg that a rule adds, paid by the payer."""

    name: str
    amount_minor: int
    payee: PartyJson


class TransferJson(TypedDict):
    id: str
    kind: str
    """`transfer`, `adminTransfer`, `refund`, `fee` or `import`."""
    status: TransferStatus
    payer: PartyJson
    payee: PartyJson
    amount_minor: int
    unit: str
    description: str
    initiator: str
    """`payer`, `payee`, `admin`, or `group` where it belongs to a group that is accepted as a whole."""
    proposed_at: str
    expires_at: NotRequired[str]
    completed_at: NotRequired[str]
    cancelled_at: NotRequired[str]
    outcome: NotRequired[str]
    """`completed`, `rejected`, `cancelled`, `expired` or `refused_by_limit`."""
    reason: NotRequired[str]
    resolved_by: NotRequired[str]
    """`payer`, `payee`, `admin` or `system`."""
    parent_id: NotRequired[str]
    """The transfer that this one refunds."""
    group_id: NotRequired[str]
    fees: NotRequired[list[FeeJson]]
    replayed: NotRequired[bool]
    """True where an Idempotency-Key found its first outcome again."""


class PendingJson(TransferJson):
    """An open proposal as one entity sees it (LE-13)."""

    entity_id: str
    direction: Direction
    """`out`: this entity would pay."""
    may_accept: bool
    may_cancel: bool


class AfterJson(TypedDict):
    """An account as it would be after a transfer, with its fees."""

    balance_minor: int
    available_to_spend_minor: int
    available_to_receive_minor: int


class PreviewJson(TypedDict):
    """What a proposal would do, before it is confirmed (LE-11). Refusals come as for the proposal itself."""

    payer: PartyJson
    payee: PartyJson
    amount_minor: int
    fees: list[FeeJson]
    total_minor: int
    account_after: AfterJson
    """The initiator's account."""
    unit: str


class TransfersJson(TypedDict):
    items: list[TransferJson]
    total: int


class StatementLineJson(TypedDict):
    transfer_id: str
    seq: int
    at: str
    kind: str
    counterparty: PartyJson
    description: str
    amount_minor: int
    """Signed: negative where the account paid."""
    balance_after_minor: int


class StatementJson(TypedDict):
    items: list[StatementLineJson]
    next: str | None


class BalanceAtJson(TypedDict):
    entity_id: str
    at: str
    balance_minor: int
    unit: str


class SeriesPointJson(TypedDict):
    day: str
    """Local day of the community, `2026-03-01`."""
    balance_minor: int
    """At the end of the day."""
    in_minor: int
    out_minor: int


class LimitChangeJson(TypedDict):
    at: str
    old_max_negative_minor: int
    old_max_positive_minor: int
    max_negative_minor: int
    max_positive_minor: int
    by: str | None
    reason: str


class BatchLineJson(TypedDict):
    line: int
    """From 1."""
    code: str
    """`ok` or the code of the refusal."""
    message: str
    transfer_id: str | None


class BatchJson(TypedDict):
    lines: list[BatchLineJson]
    accepted: int
    refused: int


class GroupJson(TypedDict):
    """Several transfers that post together, at the last consent (LE-16, MA-08)."""

    id: str
    status: TransferStatus
    transfers: list[TransferJson]
    consented: list[str]
    """Numbers of the accounts that have consented."""


class GroupTransfer(TypedDict):
    """One transfer of a group; account numbers."""

    payer: str
    payee: str
    amount_minor: int
    description: str


class FeeRuleJson(TypedDict):
    id: str
    name: str
    share_ppm: int
    """Millionths of the amount: 5000 is half a per cent."""
    payee: PartyJson


class ImportJson(TypedDict):
    """Outcome codes of the lines: `imported`, `repeated` (done by an earlier load) or the code of the refusal."""

    lines: list[BatchLineJson]
    imported: int
    repeated: int
    refused: int


class AuditJson(TypedDict):
    """State of the books. `faults` is empty when all is well: each has id, check, detail, numbers, found_at."""

    ok: bool
    checked_at: str | None
    accounts: int
    open_proposals: int
    faults: list[dict[str, Any]]


class NewTransfer(TypedDict):
    """One transfer to propose. Account numbers; `out`: the initiator pays."""

    direction: Direction
    initiator: str
    receiver: str
    amount_minor: int
    description: str


Query = dict[str, str | int | bool | list[str]]
