"""Shapes of the answers, for the API's description and for the tests that hold the answers to it."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Status = Literal["pending", "accepted", "rejected", "tradingPending", "tradingAccepted", "tradingRejected"]
TransferState = Literal["transferInitiated", "transferCompleted", "transferCancelled"]


class SignedUp(TypedDict):
    userID: str
    entityID: str
    token: str


class LoggedIn(TypedDict):
    token: str
    expiresAt: NotRequired[str]
    lastLoginDate: NotRequired[str]
    lastLoginIP: NotRequired[str]
    recoveryCodes: NotRequired[list[str]]


class User(TypedDict):
    id: str
    email: str
    firstName: NotRequired[str]
    lastName: NotRequired[str]
    telephone: NotRequired[str]
    lastLoginDate: NotRequired[str]
    lastLoginIP: NotRequired[str]


class TransferView(TypedDict):
    """A transfer as one of its parties sees it."""

    id: str
    transfer: Literal["in", "out"]
    isInitiator: bool
    accountNumber: str
    entityName: NotRequired[str]
    amount: float
    unit: str
    description: NotRequired[str]
    status: TransferState
    cancellationReason: NotRequired[str]
    dateProposed: str
    dateExpires: NotRequired[str]
    dateCompleted: NotRequired[str]
    dateCancelled: NotRequired[str]


_From = TypedDict("_From", {"from": str})  # a word of Python's


class TransferInitiated(_From):
    """`from` and `to` are account numbers."""

    id: str
    to: str
    amount: float
    unit: str
    description: NotRequired[str]
    status: TransferState
    dateProposed: str
    dateExpires: NotRequired[str]


class AdminTransfer(TypedDict):
    id: str
    fromAccountNumber: str
    fromEntityName: NotRequired[str]
    toAccountNumber: str
    toEntityName: NotRequired[str]
    amount: float
    unit: str
    description: NotRequired[str]
    type: Literal["transfer", "adminTransfer"]
    kind: str
    status: TransferState
    cancellationReason: NotRequired[str]
    dateProposed: str
    dateExpires: NotRequired[str]
    dateCompleted: NotRequired[str]
    dateCancelled: NotRequired[str]


class Place(TypedDict):
    latitude: float
    longitude: float


class Picture(TypedDict):
    name: str
    thumbnail: str
    width: int
    height: int


class Entity(TypedDict):
    """Which fields there are depends on who asks: see each operation."""

    id: str
    accountNumber: NotRequired[str]
    name: NotRequired[str]
    email: NotRequired[str]
    telephone: NotRequired[str]
    incType: NotRequired[str]
    companyNumber: NotRequired[str]
    website: NotRequired[str]
    declaredTurnover: NotRequired[int]
    description: NotRequired[str]
    address: NotRequired[str]
    city: NotRequired[str]
    region: NotRequired[str]
    postalCode: NotRequired[str]
    country: NotRequired[str]
    status: NotRequired[Status]
    showTagsMatchedSinceLastLogin: NotRequired[bool]
    receiveDailyMatchNotificationEmail: NotRequired[bool]
    offers: list[str]
    wants: list[str]
    categories: list[str]
    isFavorite: NotRequired[bool]
    memberSince: NotRequired[str]
    place: NotRequired[Place]
    pictures: NotRequired[list[Picture]]
    unit: NotRequired[str]
    balance: NotRequired[float]
    maxPositiveBalance: NotRequired[float]
    maxNegativeBalance: NotRequired[float]
    available: NotRequired[float]
    availableToSpend: NotRequired[float]
    availableToReceive: NotRequired[float]
    pendingTransfers: NotRequired[list[TransferView]]


class AdminEntity(Entity):
    pendingTransfers: NotRequired[list[AdminTransfer]]  # type: ignore[misc]  # seen from both sides here
    users: NotRequired[list[User]]


class UserWithEntity(User):
    entities: NotRequired[list[AdminEntity]]


class Balance(TypedDict):
    unit: str
    balance: float
    maxPositiveBalance: float
    maxNegativeBalance: float
    available: float
    availableToSpend: float
    availableToReceive: float


class Named(TypedDict):
    """A category or a tag."""

    id: str
    name: str


class LogEntry(TypedDict):
    userID: NotRequired[str]
    email: NotRequired[str]
    action: str
    detail: str
    category: str
    createdAt: str
    id: NotRequired[str]
    entityID: NotRequired[str]
    before: NotRequired[dict[str, Any]]
    after: NotRequired[dict[str, Any]]


class Up(TypedDict):
    status: Literal["up"]
