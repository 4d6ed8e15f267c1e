"""The services' answers in the words of the published API: camel case, decimal amounts, nothing without a value."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from gateway.clients.directory import Entity
from gateway.clients.identity import UserShape
from gateway.clients.ledger_shapes import AccountJson, AccountLineJson, TransferJson
from libs.common.money import json_number

Json = dict[str, Any]

PROFILE = {
    "name": "name",
    "email": "email",
    "telephone": "telephone",
    "incType": "inc_type",
    "companyNumber": "company_number",
    "website": "website",
    "declaredTurnover": "declared_turnover",
    "description": "description",
    "address": "address",
    "city": "city",
    "region": "region",
    "postalCode": "postal_code",
    "country": "country",
    "status": "status",
    "showTagsMatchedSinceLastLogin": "show_matches_since_last_login",
    "receiveDailyMatchNotificationEmail": "daily_matches",
    "offers": "offers",
    "wants": "wants",
    "categories": "categories",
    "isFavorite": "is_favorite",
    "memberSince": "member_since",
    "place": "place",
    "pictures": "pictures",
}
"""v1's name of a field and the services' own."""
_LISTS = ("offers", "wants", "categories")
_TYPES = frozenset({"transfer", "adminTransfer"})
Account = AccountJson | AccountLineJson


def entity_view(entity: Entity, number: str | None = None) -> Json:
    """An entity as this caller may see it. Of the account only its number: whose it is, is said by with_account."""
    fields = cast("Mapping[str, Any]", entity)
    shape: Json = {"id": entity["id"]}
    if number is not None:
        shape["accountNumber"] = number
    for theirs, ours in PROFILE.items():
        value = fields.get(ours)
        if value is not None and value != "" and (value != [] or ours in _LISTS):
            shape[theirs] = value
    return shape


def with_account(view: Json, account: Account | None) -> Json:
    """The view of an own entity, and its account's number, balance, limits, what is available, and the open transfers."""
    pending = [transfer_view(each, view["id"]) for each in _pending(account)]
    return with_number(view, account and account["number"]) | balances_view(account) | {"pendingTransfers": pending}


def with_number(view: Json, number: str | None) -> Json:
    """The view of an entity, and its account's number where that is known."""
    return view if number is None else {"id": view["id"], "accountNumber": number} | view


def _pending(account: Account | None) -> Sequence[TransferJson]:
    return cast("AccountJson", account).get("pending", ()) if account is not None else ()


def admin_entity_view(entity: Entity, account: Account | None, users: Sequence[UserShape]) -> Json:
    """An entity for an admin: with its people, balance, limits and open transfers."""
    return (
        entity_view(entity, account and account["number"])
        | balances_view(account)
        | {
            "pendingTransfers": [admin_transfer_view(each) for each in _pending(account)],
            "users": [
                user_view(user)
                for user in users
                if any(membership["entity_id"] == entity["id"] for membership in user["memberships"])
            ],
        }
    )


def balances_view(account: Account | None) -> Json:
    """Balance, limits and what is available, always together (LE-15); nothing of an account that is not the caller's."""
    if account is None or "balance_minor" not in account:
        return {}
    whole = cast("AccountJson", account)
    return {
        "unit": whole["unit"],
        "balance": json_number(whole["balance_minor"]),
        "maxPositiveBalance": json_number(whole["max_positive_minor"]),
        "maxNegativeBalance": json_number(whole["max_negative_minor"]),
        "available": json_number(whole["available_to_spend_minor"]),
        "availableToSpend": json_number(whole["available_to_spend_minor"]),
        "availableToReceive": json_number(whole["available_to_receive_minor"]),
    }


def user_view(user: UserShape) -> Json:
    """A person. The last login is the one before the present session."""
    return given(
        id=user["id"],
        email=user["email"],
        firstName=user["first_name"],
        lastName=user["last_name"],
        telephone=user["telephone"],
        lastLoginDate=user.get("previous_login_at") or user.get("last_login_at"),
        lastLoginIP=user.get("previous_login_address") or user.get("last_login_address"),
    )


def transfer_view(transfer: TransferJson, entity_id: str) -> Json:
    """A transfer as one of its parties sees it. Lists have many: what always has a value is not looked at again."""
    payer, payee = transfer["payer"], transfer["payee"]
    outgoing = payer["entity_id"] == entity_id
    other = payee if outgoing else payer
    view: Json = {
        "id": transfer["id"],
        "transfer": "out" if outgoing else "in",
        "isInitiator": transfer["initiator"] == ("payer" if outgoing else "payee"),
        "accountNumber": other["number"],
        "amount": json_number(transfer["amount_minor"]),
        "unit": transfer["unit"],
        "status": status_view(transfer),
    }
    if name := other["name"]:
        view["entityName"] = name
    if description := transfer["description"]:
        view["description"] = description
    if reason := transfer.get("reason"):
        view["cancellationReason"] = reason
    view.update(_dates(transfer))
    return view


def initiated_view(transfer: TransferJson) -> Json:
    """The answer to a proposal."""
    return given(
        id=transfer["id"],
        **{"from": transfer["payer"]["number"]},
        to=transfer["payee"]["number"],
        amount=json_number(transfer["amount_minor"]),
        unit=transfer["unit"],
        description=transfer["description"],
        status=status_view(transfer),
        **_dates(transfer),
    )


def admin_transfer_view(transfer: TransferJson) -> Json:
    """A transfer with both parties by name."""
    return given(
        id=transfer["id"],
        fromAccountNumber=transfer["payer"]["number"],
        fromEntityName=transfer["payer"]["name"],
        toAccountNumber=transfer["payee"]["number"],
        toEntityName=transfer["payee"]["name"],
        amount=json_number(transfer["amount_minor"]),
        unit=transfer["unit"],
        description=transfer["description"],
        type=transfer["kind"] if transfer["kind"] in _TYPES else "transfer",
        kind=transfer["kind"],
        status=status_view(transfer),
        cancellationReason=transfer.get("reason"),
        **_dates(transfer),
    )


def status_view(transfer: TransferJson) -> str:
    return f"transfer{transfer['status'].capitalize()}"


def _dates(transfer: TransferJson) -> Json:
    dates: Json = {"dateProposed": transfer["proposed_at"]}
    if transfer["status"] == "initiated" and (expires := transfer.get("expires_at")):
        dates["dateExpires"] = expires
    if completed := transfer.get("completed_at"):
        dates["dateCompleted"] = completed
    if cancelled := transfer.get("cancelled_at"):
        dates["dateCancelled"] = cancelled
    return dates


def given(**fields: Any) -> Json:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def by_entity(accounts: Sequence[Account]) -> dict[str, Account]:
    """Accounts by their entity."""
    return {account["entity_id"]: account for account in accounts if account["entity_id"] is not None}


def camel(value: Any) -> Any:
    """A service's answer in the API's words: `balance_after_minor` is `balanceAfter` with decimals, `entity_id` is
    `entityID`, what has no value is left out. For the operations beyond the published ones."""
    if isinstance(value, Mapping):
        return {
            camel_name(name): json_number(each) if name.endswith("_minor") else camel(each)
            for name, each in value.items()
            if each is not None
        }
    return [camel(each) for each in value] if isinstance(value, list | tuple) else value


def camel_name(name: str) -> str:
    """A service's name of a field in the API's words."""
    first, *rest = name.removesuffix("_minor").split("_")
    return first + "".join("ID" if part == "id" else "IDs" if part == "ids" else part.capitalize() for part in rest)
