"""Events told by the ledger. Amounts are integer minor units."""

from datetime import datetime
from typing import ClassVar

from libs.common.contracts import Audited, Event


class AccountOpenedV1(Event):
    """An entity has an account."""

    TYPE: ClassVar[str] = "ledger.account.opened.v1"
    account_id: str
    entity_id: str
    number: str


class AccountBandChangedV1(Event):
    """How far from zero an account stands, coarsely, for ranking (MA-07); never a balance. Subject: the entity's id."""

    TYPE: ClassVar[str] = "ledger.account.band_changed.v1"
    entity_id: str
    band: int
    """-2 far below zero, -1 below, 0 near, 1 above, 2 far above, as shares of the account's limits."""


class LimitsChangedV1(Event):
    """An account has new limits (LE-18)."""

    TYPE: ClassVar[str] = "ledger.limits.changed.v1"
    entity_id: str
    number: str
    max_negative_minor: int
    max_positive_minor: int
    by: str | None = None
    reason: str = ""


class Party(Event):
    """One side of a transfer."""

    TYPE: ClassVar[str] = ""
    entity_id: str | None
    """Null for a community or system account."""
    number: str
    name: str


class TransferFact(Event):
    """What all events about one transfer say."""

    TYPE: ClassVar[str] = ""
    transfer_id: str
    kind: str
    """`transfer`, `adminTransfer`, `refund`, `fee` or `import`."""
    payer: Party
    payee: Party
    amount_minor: int
    unit: str
    description: str
    initiator: str
    """`payer`, `payee` or `admin`."""
    proposed_at: datetime


class TransferProposedV1(TransferFact):
    """A transfer waits for the other party (EM-06)."""

    TYPE: ClassVar[str] = "ledger.transfer.proposed.v1"
    expires_at: datetime


class TransferCompletedV1(TransferFact):
    """A transfer was posted (EM-06)."""

    TYPE: ClassVar[str] = "ledger.transfer.completed.v1"
    completed_at: datetime


class TransferCancelledV1(TransferFact):
    """A proposal ended without a posting (EM-06)."""

    TYPE: ClassVar[str] = "ledger.transfer.cancelled.v1"
    cancelled_at: datetime
    outcome: str
    """`rejected`, `cancelled`, `expired` or `refused_by_limit`."""
    by: str
    """`payer`, `payee`, `admin` or `system`."""
    reason: str = ""


class TransferExpiringV1(TransferFact):
    """A proposal will expire soon (EM-06)."""

    TYPE: ClassVar[str] = "ledger.transfer.expiring.v1"
    expires_at: datetime


class BooksBrokenV1(Event):
    """The auditor found a fault (EM-09); the accounts concerned are frozen."""

    TYPE: ClassVar[str] = "ledger.books.broken.v1"
    check: str
    detail: str
    account_numbers: list[str] = []  # noqa: RUF012  pydantic copies it


class AuditRecordedV1(Audited):
    """For the directory's activity log (AD-07)."""

    TYPE: ClassVar[str] = "ledger.audit.recorded.v1"
