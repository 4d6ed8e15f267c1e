"""Shapes of the answers of the operations beyond the published ones."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from gateway.api.answers import Entity, TransferView


class Session(TypedDict):
    id: str
    kind: str
    createdAt: str
    lastUsedAt: str
    expiresAt: str
    address: str
    agent: str
    current: bool


class Ended(TypedDict):
    ended: int


class SecondFactor(TypedDict):
    enabled: bool
    required: bool
    recoveryCodesLeft: int


class SecondFactorSecret(TypedDict):
    """For an authenticator: the secret in base32, and an `otpauth://` address for a QR code."""

    secret: str
    uri: str


class RecoveryCodes(TypedDict):
    """Shown once."""

    recoveryCodes: list[str]


class Key(TypedDict):
    id: str
    entityID: str
    name: str
    scopes: list[str]
    ratePerMinute: int
    hint: str
    createdBy: str
    createdAt: str
    lastUsedAt: NotRequired[str]
    lastUsedAddress: NotRequired[str]


class NewKey(Key):
    secret: str
    """Shown this once."""


class Person(TypedDict):
    entityID: str
    userID: str
    role: str
    since: str
    email: NotRequired[str]
    firstName: NotRequired[str]
    lastName: NotRequired[str]


class Invitation(TypedDict):
    id: str
    entityID: str
    email: str
    role: str
    invitedBy: str
    createdAt: str
    expiresAt: str


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


class Picture(TypedDict):
    name: str
    thumbnail: str
    width: int
    height: int


class Reason(TypedDict):
    """A stable word, and what its sentence needs."""

    code: str
    params: dict[str, Any]


class MatchedTags(TypedDict):
    side: Literal["offers", "wants"]
    mine: str
    theirs: str
    kind: str
    appearedAt: str


class Match(TypedDict):
    """A counterpart with the reasons; `score` is 0 to 1."""

    entityID: str
    entity: Entity
    score: float
    mutual: bool
    trading: bool
    appearedAt: str
    tags: list[MatchedTags]
    reasons: list[Reason]
    distanceKm: NotRequired[float]


class Party(TypedDict):
    entityID: NotRequired[str]
    number: str
    name: str


class Fee(TypedDict):
    name: str
    amount: float
    payee: Party


class After(TypedDict):
    """The initiator's account once the transfer is completed, with its fees."""

    balance: float
    availableToSpend: float
    availableToReceive: float


class Preview(TypedDict):
    payer: Party
    payee: Party
    amount: float
    fees: list[Fee]
    total: float
    accountAfter: After
    unit: str


class StatementLine(TypedDict):
    """`amount` is negative where the entity paid."""

    transferID: str
    seq: int
    at: str
    kind: str
    counterparty: Party
    description: str
    amount: float
    balanceAfter: float


_InAndOut = TypedDict("_InAndOut", {"in": float, "out": float})  # words of Python's


class SeriesPoint(_InAndOut):
    """One local day: `balance` at its end, what came `in` and went `out`."""

    day: str
    balance: float


class BalanceAt(TypedDict):
    entityID: str
    at: str
    balance: float
    unit: str


class ProofKey(TypedDict):
    publicKey: str


class LimitChange(TypedDict):
    at: str
    oldMaxNegative: float
    oldMaxPositive: float
    maxNegative: float
    maxPositive: float
    by: NotRequired[str]
    reason: str


class BatchLine(TypedDict):
    line: int
    code: str
    message: str
    transferID: NotRequired[str]


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
    """`sharePpm`: millionths of the amount, paid by the payer on top."""

    id: str
    name: str
    sharePpm: int
    payee: Party


class PendingTransfer(TransferView):
    entityID: str
    mayAccept: bool
    mayCancel: bool


class Notice(TypedDict):
    id: str
    kind: str
    title: str
    text: str
    link: NotRequired[str]
    entityID: NotRequired[str]
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
    entityID: NotRequired[str]
    createdAt: str
    active: bool


class NewWebhook(Webhook):
    secret: str
    """Shown this once."""


class AuditRun(TypedDict):
    at: str
    tookMs: int


class Audit(TypedDict):
    """`runs`: when each kind of check ran last, by its name."""

    ok: bool
    checkedAt: NotRequired[str]
    accounts: int
    openProposals: int
    runs: dict[str, AuditRun]
    faults: list[dict[str, Any]]


class Job(TypedDict):
    id: str
    kind: str
    old: str
    new: NotRequired[str]
    status: str
    entitiesDone: int
    entitiesTotal: int
    startedAt: str
    finishedAt: NotRequired[str]


class Rebuild(TypedDict):
    """`state`: `idle` (never asked), `running`, `done` or `failed` (`problem` says why)."""

    state: str
    done: int
    total: int
    startedAt: NotRequired[str]
    finishedAt: NotRequired[str]
    problem: NotRequired[str]
    checkedPages: NotRequired[int]
    differingPages: NotRequired[int]
