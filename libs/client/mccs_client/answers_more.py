"""Shapes of the answers of the operations beyond the published ones."""

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

from .answers import Entity, TransferView


class Session(TypedDict):
    id: str
    kind: str
    created_at: str
    last_used_at: str
    expires_at: str
    address: str
    agent: str
    current: bool


class Ended(TypedDict):
    ended: int


class SecondFactor(TypedDict):
    enabled: bool
    required: bool
    recovery_codes_left: int


class SecondFactorSecret(TypedDict):
    """For an authenticator: the secret in base32, and an `otpauth://` address for a QR code."""

    secret: str
    uri: str


class RecoveryCodes(TypedDict):
    """Shown once."""

    recovery_codes: list[str]


class Key(TypedDict):
    id: str
    entity_id: str
    name: str
    scopes: list[str]
    rate_per_minute: int
    hint: str
    created_by: str
    created_at: str
    last_used_at: NotRequired[str]
    last_used_address: NotRequired[str]


class NewKey(Key):
    """Shown this once."""

    secret: str


class Person(TypedDict):
    entity_id: str
    user_id: str
    role: str
    since: str
    email: NotRequired[str]
    first_name: NotRequired[str]
    last_name: NotRequired[str]


class Invitation(TypedDict):
    id: str
    entity_id: str
    email: str
    role: str
    invited_by: str
    created_at: str
    expires_at: str


class Suggestion(TypedDict):
    tag: str
    count: int


class Count(TypedDict):
    kind: str
    tag: str
    count: int


class Letter(TypedDict):
    letter: str
    categories: int


class Reason(TypedDict):
    """A stable word, and what its sentence needs."""

    code: str
    params: dict[str, Any]


class MatchedTags(TypedDict):
    side: Literal["offers", "wants"]
    mine: str
    theirs: str
    kind: str
    appeared_at: str


class Match(TypedDict):
    """A counterpart with the reasons; `score` is 0 to 1."""

    entity_id: str
    entity: Entity
    score: float
    mutual: bool
    trading: bool
    appeared_at: str
    tags: list[MatchedTags]
    reasons: list[Reason]
    distance_km: NotRequired[float]


class Party(TypedDict):
    entity_id: NotRequired[str]
    number: str
    name: str


class Fee(TypedDict):
    name: str
    amount: Decimal
    payee: Party


class After(TypedDict):
    """The initiator's account once the transfer is completed, with its fees."""

    balance: Decimal
    available_to_spend: Decimal
    available_to_receive: Decimal


class Preview(TypedDict):
    payer: Party
    payee: Party
    amount: Decimal
    fees: list[Fee]
    total: Decimal
    account_after: After
    unit: str


class StatementLine(TypedDict):
    """`amount` is negative where the entity paid."""

    transfer_id: str
    seq: int
    at: str
    kind: str
    counterparty: Party
    description: str
    amount: Decimal
    balance_after: Decimal


_InAndOut = TypedDict("_InAndOut", {"in": Decimal, "out": Decimal})  # words of Python's


class SeriesPoint(_InAndOut):
    """One local day: `balance` at its end, what came `in` and went `out`."""

    day: str
    balance: Decimal


class BalanceAt(TypedDict):
    entity_id: str
    at: str
    balance: Decimal
    unit: str


class LimitChange(TypedDict):
    at: str
    old_max_negative: Decimal
    old_max_positive: Decimal
    max_negative: Decimal
    max_positive: Decimal
    by: NotRequired[str]
    reason: str


class BatchLine(TypedDict):
    line: int
    code: str
    message: str
    transfer_id: NotRequired[str]


class Batch(TypedDict):
    lines: list[BatchLine]
    accepted: int
    refused: int


class Import(TypedDict):
    lines: list[BatchLine]
    imported: int
    repeated: int
    refused: int


class Group(TypedDict):
    """`consented`: the numbers of the accounts that have."""

    id: str
    status: str
    transfers: list[dict[str, Any]]
    consented: list[str]


class FeeRule(TypedDict):
    """`share_ppm`: millionths of the amount, paid by the payer on top."""

    id: str
    name: str
    share_ppm: int
    payee: Party


class PendingTransfer(TransferView):
    entity_id: str
    may_accept: bool
    may_cancel: bool


class Notice(TypedDict):
    id: str
    kind: str
    title: str
    text: str
    link: NotRequired[str]
    entity_id: NotRequired[str]
    at: str
    read: bool


class Unread(TypedDict):
    unread: int


class Preference(TypedDict):
    """`mail` or `bell` is absent where a kind has no such channel."""

    kind: str
    title: str
    mandatory: bool
    mail: NotRequired[bool]
    bell: NotRequired[bool]


class Webhook(TypedDict):
    """Empty `kinds` mean all; `active` is false once it could not be told to the last try."""

    id: str
    url: str
    kinds: list[str]
    entity_id: NotRequired[str]
    created_at: str
    active: bool


class NewWebhook(Webhook):
    """Shown this once."""

    secret: str


class AuditRun(TypedDict):
    at: str
    took_ms: int


class Audit(TypedDict):
    """`runs`: when each kind of check ran last, by its name."""

    ok: bool
    checked_at: NotRequired[str]
    accounts: int
    open_proposals: int
    runs: dict[str, AuditRun]
    faults: list[dict[str, Any]]


class Job(TypedDict):
    id: str
    kind: str
    old: str
    new: NotRequired[str]
    status: str
    entities_done: int
    entities_total: int
    started_at: str
    finished_at: NotRequired[str]


class Rebuild(TypedDict):
    state: str
    done: int
    total: int
    started_at: NotRequired[str]
    finished_at: NotRequired[str]
    problem: NotRequired[str]
    checked_pages: NotRequired[int]
    differing_pages: NotRequired[int]


class ProofKey(TypedDict):
    """The ledger's public key, in base64."""

    public_key: str


class KeyToken(TypedDict):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: NotRequired[str]
