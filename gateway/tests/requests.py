"""One good request for every operation of the API: what conformance, the matrix and the bad input tests start from."""

from dataclasses import dataclass, field
from typing import Any

from gateway.api import examples
from gateway.api.operation import Operation
from gateway.api.operations import all_operations
from gateway.tests.house import (
    ADMIN,
    ANA,
    BAKERY,
    BAKERY_NUMBER,
    CATEGORY,
    GARAGE,
    GARAGE_NUMBER,
    TAG,
    TRANSFER,
    UNKNOWN,
)

MEMBER, OFFICE = f"member:{ANA}", f"admin:{ADMIN}"
PASSWORD = "a-Long-1-password"
MAIL_TOKEN = "a-token-from-a-mail"


@dataclass(frozen=True, slots=True)
class Good:
    """`path` holds the real ids; `template` is the operation's path below /api/v1."""

    method: str
    template: str
    token: str | None = None
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return "/api/v1" + self.template.format(**self.ids)

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


SIGNUP = {
    "userEmail": "ana@example.org",
    "password": PASSWORD,
    "firstName": "Ana",
    "lastName": "Example",
    "userPhone": "+1 555 0100",
    "entityEmail": "bakery@example.org",
    "entityName": "Ana's bakery",
    "incType": "sole",
    "companyNumber": "12345",
    "entityPhone": "+1 555 0101",
    "website": "https://example.org",
    "declaredTurnover": 1000,
    "description": "Bread\nand cake",
    "address": "1 Example Street",
    "city": "Exampleton",
    "region": "North",
    "postalCode": "EX1",
    "country": "Exampleland",
    "showTagsMatchedSinceLastLogin": True,
    "receiveDailyMatchNotificationEmail": False,
    "offers": ["bread"],
    "wants": ["flour"],
}
PATCH = {
    name: value
    for name, value in SIGNUP.items()
    if name not in {"userEmail", "password", "firstName", "lastName", "userPhone"} and not name.startswith("entity")
} | {"name": "Ana's bakery", "email": "bakery@example.org", "telephone": "+1 555 0101"}
ADMIN_PATCH = PATCH | {
    "status": "tradingAccepted",
    "categories": ["food"],
    "maxPositiveBalance": 1000,
    "maxNegativeBalance": 500,
    "users": [ANA],
}
PROPOSAL = {
    "transfer": "out",
    "initiator": BAKERY_NUMBER,
    "receiver": GARAGE_NUMBER,
    "amount": 12.3,
    "description": "New brakes",
}
LOGIN = {"email": "ana@example.org", "password": PASSWORD}
FAVORITE = {"addToEntityID": BAKERY, "favoriteEntityID": GARAGE, "isFavorite": True}
MESSAGE = {"senderEntityID": BAKERY, "receiverEntityID": GARAGE, "body": "Hello"}
AS_BAKERY = {"querying_entity_id": BAKERY}
_ENTITY, _USER, _TRANSFER = {"entityID": BAKERY}, {"userID": ANA}, {"transferID": TRANSFER}
_CATEGORY, _TAG, _TOKEN = {"categoryID": CATEGORY}, {"tagID": TAG}, {"token": MAIL_TOKEN}
_NAME, _NEW_PASSWORD = {"name": "food"}, {"password": PASSWORD}

PUBLISHED = [
    Good("POST", "/signup", body=SIGNUP),
    Good("POST", "/login", body=LOGIN),
    Good("POST", "/logout", MEMBER),
    Good("POST", "/password-reset", body={"email": "ana@example.org"}),
    Good("POST", "/password-reset/{token}", body=_NEW_PASSWORD, ids=_TOKEN),
    Good("POST", "/password-change", MEMBER, _NEW_PASSWORD),
    Good("GET", "/user", MEMBER),
    Good("PATCH", "/user", MEMBER, {"firstName": "Ana", "lastName": "", "telephone": None}),
    Good("GET", "/user/entities", MEMBER),
    Good("PATCH", "/user/entities/{entityID}", MEMBER, PATCH, ids=_ENTITY),
    Good("GET", "/categories", query={"prefix": "f", "fragment": "oo", "page": 1, "page_size": 100}),
    Good("GET", "/tags", query={"fragment": "oo", "page": 1, "page_size": 100}),
    Good(
        "GET",
        "/entities",
        MEMBER,
        query={
            "offers": "bread,cake",
            "wants": "flour",
            "category": "food",
            "tagged_since": "2026-01-01",
            "name": "bakery",
            "favorites_only": "true",
            "page": 1,
            "page_size": 10,
        }
        | AS_BAKERY,
    ),
    Good("GET", "/entities/{entityID}", MEMBER, query=AS_BAKERY, ids={"entityID": GARAGE}),
    Good("POST", "/favorites", MEMBER, FAVORITE),
    Good("POST", "/send-email", MEMBER, MESSAGE),
    Good("POST", "/transfers", MEMBER, PROPOSAL),
    Good("GET", "/transfers", MEMBER, query={"status": "all", "date_from": "2026-01-01"} | AS_BAKERY),
    Good("PATCH", "/transfers/{transferID}", MEMBER, {"action": "accept", "cancellationReason": ""}, ids=_TRANSFER),
    Good("GET", "/balance", MEMBER, query=AS_BAKERY),
    Good("POST", "/admin/login", body=LOGIN),
    Good("POST", "/admin/logout", OFFICE),
    Good("POST", "/admin/password-reset", body={"email": "ana@example.org"}),
    Good("POST", "/admin/password-reset/{token}", body=_NEW_PASSWORD, ids=_TOKEN),
    Good("POST", "/admin/password-change", OFFICE, _NEW_PASSWORD),
    Good("POST", "/admin/categories", OFFICE, _NAME),
    Good("PATCH", "/admin/categories/{categoryID}", OFFICE, _NAME, ids=_CATEGORY),
    Good("DELETE", "/admin/categories/{categoryID}", OFFICE, ids=_CATEGORY),
    Good("POST", "/admin/tags", OFFICE, _NAME),
    Good("PATCH", "/admin/tags/{tagID}", OFFICE, _NAME, ids=_TAG),
    Good("DELETE", "/admin/tags/{tagID}", OFFICE, ids=_TAG),
    Good("GET", "/admin/users", OFFICE, query={"last_name": "ex", "email": "ana", "page": 1}),
    Good("GET", "/admin/users/{userID}", OFFICE, ids=_USER),
    Good(
        "PATCH",
        "/admin/users/{userID}",
        OFFICE,
        {"firstName": "Ana", "email": "ana@example.org", "password": PASSWORD, "entities": [BAKERY]},
        ids=_USER,
    ),
    Good("DELETE", "/admin/users/{userID}", OFFICE, ids=_USER),
    Good(
        "GET",
        "/admin/entities",
        OFFICE,
        query={
            "offers": "bread",
            "status": "pending,accepted",
            "balance": "-12.5",
            "max_pos_bal": "0",
            "max_neg_bal": "0",
            "account_number": BAKERY_NUMBER,
            "tagged_since": "1767225600",
            "city": "x",
        },
    ),
    Good("GET", "/admin/entities/{entityID}", OFFICE, ids=_ENTITY),
    Good("PATCH", "/admin/entities/{entityID}", OFFICE, ADMIN_PATCH, ids=_ENTITY),
    Good("DELETE", "/admin/entities/{entityID}", OFFICE, ids=_ENTITY),
    Good("POST", "/admin/transfers", OFFICE, {"payer": BAKERY_NUMBER, "payee": GARAGE_NUMBER, "amount": 1}),
    Good("GET", "/admin/transfers", OFFICE, query={"status": "completed", "account_number": BAKERY_NUMBER}),
    Good("GET", "/admin/transfers/{transferID}", OFFICE, ids=_TRANSFER),
    Good("GET", "/admin/logs", OFFICE, query={"email": "a", "category": "user", "action": "login", "detail": "x"}),
]


def _from_its_declaration(operation: Operation) -> Good:
    """With the example as body, and parameters only where they are needed."""
    query = operation.query.model_json_schema() if operation.query else {}
    return Good(
        operation.method,
        operation.path.removeprefix("/api/v1"),
        {"anyone": None, "admin": OFFICE, "overseer": OFFICE}.get(operation.who, MEMBER),
        operation.example if operation.body else None,
        {name: examples.parameter(name, query["properties"][name]) for name in query.get("required", ())},
        {name: UNKNOWN if name.endswith("ID") else "a" for name in operation.path_names},
    )


OTHERS = [_from_its_declaration(each) for each in all_operations().operations if not each.published]
"""The operations beside the published ones, about things that nobody has."""
