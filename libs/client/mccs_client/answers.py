"""Shapes of answers, in Python's names. Amounts are Decimal, times RFC 3339 text."""

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["pending", "accepted", "rejected", "tradingPending", "tradingAccepted", "tradingRejected"]
TransferState = Literal["transferInitiated", "transferCompleted", "transferCancelled"]


class SignedUp(TypedDict):
    user_id: str
    entity_id: str
    token: str


class LoggedIn(TypedDict):
    token: str
    expires_at: NotRequired[str]
    last_login_date: NotRequired[str]
    last_login_ip: NotRequired[str]
    recovery_codes: NotRequired[list[str]]


class User(TypedDict):
    id: str
    email: str
    first_name: NotRequired[str]
    last_name: NotRequired[str]
    telephone: NotRequired[str]
    last_login_date: NotRequired[str]
    last_login_ip: NotRequired[str]


class TransferView(TypedDict):
    """A transfer as one of its parties sees it."""

    id: str
    transfer: Literal["in", "out"]
    is_initiator: bool
    account_number: str
    entity_name: NotRequired[str]
    amount: Decimal
    unit: str
    description: NotRequired[str]
    status: TransferState
    cancellation_reason: NotRequired[str]
    date_proposed: str
    date_expires: NotRequired[str]
    date_completed: NotRequired[str]
    date_cancelled: NotRequired[str]


_From = TypedDict("_From", {"from": str})  # a word of Python's


class TransferInitiated(_From):
    """`from` and `to` are account numbers."""

    id: str
    to: str
    amount: Decimal
    unit: str
    description: NotRequired[str]
    status: TransferState
    date_proposed: str
    date_expires: NotRequired[str]


class AdminTransfer(TypedDict):
    id: str
    from_account_number: str
    from_entity_name: NotRequired[str]
    to_account_number: str
    to_entity_name: NotRequired[str]
    amount: Decimal
    unit: str
    description: NotRequired[str]
    type: Literal["transfer", "adminTransfer"]
    kind: str
    status: TransferState
    cancellation_reason: NotRequired[str]
    date_proposed: str
    date_expires: NotRequired[str]
    date_completed: NotRequired[str]
    date_cancelled: NotRequired[str]


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
    account_number: NotRequired[str]
    name: NotRequired[str]
    email: NotRequired[str]
    telephone: NotRequired[str]
    inc_type: NotRequired[str]
    company_number: NotRequired[str]
    website: NotRequired[str]
    declared_turnover: NotRequired[int]
    description: NotRequired[str]
    address: NotRequired[str]
    city: NotRequired[str]
    region: NotRequired[str]
    postal_code: NotRequired[str]
    country: NotRequired[str]
    status: NotRequired[Status]
    show_tags_matched_since_last_login: NotRequired[bool]
    receive_daily_match_notification_email: NotRequired[bool]
    offers: list[str]
    wants: list[str]
    categories: list[str]
    is_favorite: NotRequired[bool]
    member_since: NotRequired[str]
    place: NotRequired[Place]
    pictures: NotRequired[list[Picture]]
    unit: NotRequired[str]
    balance: NotRequired[Decimal]
    max_positive_balance: NotRequired[Decimal]
    max_negative_balance: NotRequired[Decimal]
    available: NotRequired[Decimal]
    available_to_spend: NotRequired[Decimal]
    available_to_receive: NotRequired[Decimal]
    pending_transfers: NotRequired[list[TransferView]]


class AdminEntity(Entity):
    pending_transfers: NotRequired[list[AdminTransfer]]  # type: ignore[misc]  # seen from both sides here
    users: NotRequired[list[User]]


class UserWithEntity(User):
    entities: NotRequired[list[AdminEntity]]


class Balance(TypedDict):
    unit: str
    balance: Decimal
    max_positive_balance: Decimal
    max_negative_balance: Decimal
    available: Decimal
    available_to_spend: Decimal
    available_to_receive: Decimal


class Named(TypedDict):
    """A category or a tag."""

    id: str
    name: str


class LogEntry(TypedDict):
    user_id: NotRequired[str]
    email: NotRequired[str]
    action: str
    detail: str
    category: str
    created_at: str
    id: NotRequired[str]
    entity_id: NotRequired[str]
    before: NotRequired[dict[str, Any]]
    after: NotRequired[dict[str, Any]]


class Up(TypedDict):
    status: Literal["up"]
