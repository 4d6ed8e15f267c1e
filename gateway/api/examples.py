"""Examples for the API's description: made from the schemas, with values that read like a small town's.

A field without a value of its own here takes what its schema says (a word of its list, its default, its least number); a
text that has neither makes the description fail, so that a new field gets its example with it.
"""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
_NOW = "2026-03-02T12:00:00.000Z"
_BEFORE, _LATER = "2026-03-01T09:30:00.000Z", "2026-04-01T12:00:00.000Z"
_ID, _OTHER_ID, _USER_ID = (f"0199b3f0-0000-7000-8000-00000000000{digit}" for digit in "123")
_NUMBER, _OTHER_NUMBER = "1234567812345670", "8765432187654321"
_TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTk5In0.c2lnbmF0dXJl"  # noqa: S105  nobody's

VALUES: Mapping[str, Any] = {
    "id": _ID,
    "accountNumber": _OTHER_NUMBER,
    "action": "entity.changed",
    "address": "1 Example Street",
    "after": {"city": "Newtown"},
    "agent": "till/1.0",
    "amount": 12.5,
    "appearedAt": _BEFORE,
    "at": _NOW,
    "available": 489.5,
    "availableToReceive": 1010.5,
    "availableToSpend": 489.5,
    "balance": -10.5,
    "balanceAfter": -10.5,
    "before": {"city": "Oldtown"},
    "by": _USER_ID,
    "cancellationReason": "Agreed otherwise",
    "categories": ["food-and-drink"],
    "category": "user",
    "checkedAt": _NOW,
    "city": "Exampleton",
    "code": "ok",
    "companyNumber": "12345",
    "consented": [_NUMBER],
    "country": "Exampleland",
    "createdAt": _BEFORE,
    "createdBy": _USER_ID,
    "dateCancelled": _NOW,
    "dateCompleted": _NOW,
    "dateExpires": _LATER,
    "dateProposed": _BEFORE,
    "day": "2026-03-02",
    "declaredTurnover": 1000,
    "description": "Two loaves and a cake",
    "detail": "Changed Ana's bakery.",
    "distanceKm": 3.2,
    "email": "ana@example.org",
    "entityID": _ID,
    "entityName": "Ben's garage",
    "expiresAt": _LATER,
    "faults": [],
    "finishedAt": _NOW,
    "firstName": "Ana",
    "from": _NUMBER,
    "fromAccountNumber": _NUMBER,
    "fromEntityName": "Ana's bakery",
    "height": 800,
    "hint": "k7Qd",
    "in": 20,
    "incType": "sole",
    "invitedBy": _USER_ID,
    "kind": "transfer",
    "kinds": ["transfer_accepted"],
    "lastLoginDate": _BEFORE,
    "lastLoginIP": "192.0.2.7",
    "lastName": "Example",
    "lastUsedAddress": "192.0.2.7",
    "lastUsedAt": _NOW,
    "latitude": 52.37,
    "letter": "f",
    "link": f"/transfers/{_ID}",
    "longitude": 4.9,
    "maxNegative": 500,
    "maxNegativeBalance": 500,
    "maxPositive": 1000,
    "maxPositiveBalance": 1000,
    "memberSince": _BEFORE,
    "message": "Proposed.",
    "mine": "bread",
    "name": "Ana's bakery",
    "new": "food-and-drink",
    "next": "WyIyMDI2Il0",
    "number": _NUMBER,
    "offers": ["bread", "cake"],
    "old": "food",
    "oldMaxNegative": 0,
    "oldMaxPositive": 500,
    "out": 12.5,
    "params": {},
    "postalCode": "EX1",
    "problem": "The directory was away.",
    "publicKey": "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
    "reason": "A year of regular trade",
    "recoveryCodes": ["k7qd-m2xp-9fhw"],
    "region": "North",
    "role": "owner",
    "score": 0.87,
    "since": _BEFORE,
    "startedAt": _BEFORE,
    "state": "done",
    "status": "active",
    "tag": "bread",
    "telephone": "+1 555 0100",
    "text": "Ben's garage wants to pay you 12.50 CR",
    "theirs": "organic-bread",
    "thumbnail": "0199b3f0-small.jpg",
    "title": "A payment waits for you",
    "to": _OTHER_NUMBER,
    "toAccountNumber": _OTHER_NUMBER,
    "toEntityName": "Ben's garage",
    "token": _TOKEN,
    "total": 12.56,
    "transferID": _ID,
    "unit": "CR",
    "url": "https://shop.example.org/mccs",
    "userID": _USER_ID,
    "wants": ["flour"],
    "width": 1200,
    "website": "https://bakery.example.org",
    "AdminTransfer.kind": "adminTransfer",
    "Count.kind": "offers",
    "Entity.description": "Bread from the wood oven.",
    "Entity.status": "tradingAccepted",
    "AdminEntity.description": "Bread from the wood oven.",
    "AdminEntity.status": "tradingAccepted",
    "Fee.amount": 0.06,
    "Fee.name": "Upkeep",
    "FeeRule.name": "Upkeep",
    "FeeRule.sharePpm": 5000,
    "Group.status": "initiated",
    "Group.transfers": [{"id": _ID, "amount": 5, "description": "A loop"}],
    "Job.entitiesDone": 8,
    "Job.entitiesTotal": 8,
    "Job.kind": "tag",
    "Job.status": "done",
    "Key.name": "Till",
    "Key.scopes": ["read", "propose"],
    "LogEntry.entityID": _ID,
    "MatchedTags.kind": "partial",
    "Named.name": "food-and-drink",
    "NewKey.name": "Till",
    "NewKey.scopes": ["read", "propose"],
    "NewKey.secret": "shown-this-once",
    "NewWebhook.secret": "whsec_c2hvd24tdGhpcy1vbmNl",
    "Notice.kind": "transfer_proposed",
    "Notice.text": "Please accept or reject it.",
    "Picture.name": "0199b3f0.jpg",
    "Preference.kind": "transfer_proposed",
    "Preference.title": "Somebody wants to pay you or asks you to pay",
    "Reason.code": "tag_partial",
    "Rebuild.done": 120,
    "Rebuild.total": 120,
    "SecondFactorSecret.secret": "JBSWY3DPEHPK3PXP",
    "SecondFactorSecret.uri": "otpauth://totp/MCCS:ana@example.org?secret=JBSWY3DPEHPK3PXP&issuer=MCCS",
    "Session.kind": "api",
    "TransferInitiated.status": "transferInitiated",
    "AdminTransfer.type": "adminTransfer",
    "AdminTransfer.status": "transferCompleted",
}
"""By the field's name, or by its model's and its own where the same word means something else."""

_OPEN = {"status": "transferInitiated", "type": "transfer", "kind": "transfer"}
_NOT_OPEN = frozenset({"cancellationReason", "dateCompleted", "dateCancelled"})
_ABSENT: Mapping[str, frozenset[str]] = {
    "AdminTransfer": frozenset({"cancellationReason", "dateExpires", "dateCancelled"}),
    "LoggedIn": frozenset({"recoveryCodes"}),
    "PendingTransfer": _NOT_OPEN,
    "Rebuild": frozenset({"problem"}),
    "TransferView": _NOT_OPEN,
}
"""Fields that an object does not have together with the others of its example."""
_OWN = frozenset(
    [
        "unit",
        "balance",
        "maxPositiveBalance",
        "maxNegativeBalance",
        "available",
        "availableToSpend",
        "availableToReceive",
        "pendingTransfers",
        "showTagsMatchedSinceLastLogin",
        "receiveDailyMatchNotificationEmail",
    ]
)

PARAMETERS: Mapping[str, Any] = {
    "account_number": _NUMBER,
    "action": "login",
    "at": "2026-03-01",
    "balance": -100,
    "category": "food-and-drink",
    "city": "Exampleton",
    "country": "Exampleland",
    "cursor": "WyIyMDI2Il0",
    "date_from": "2026-03-01",
    "date_to": "2026-03-31",
    "detail": "bakery",
    "email": "ana@example.org",
    "file": "docs.css",
    "fragment": "oo",
    "Idempotency-Key": "order-4711",
    "If-Match": '"4"',
    "initiator": _NUMBER,
    "language": "en",
    "last_name": "Example",
    "max_neg_bal": 500,
    "max_pos_bal": 1000,
    "name": "bakery",
    "offers": ["bread", "cake"],
    "prefix": "fo",
    "region": "North",
    "search": "loaves",
    "since": "2026-03-01",
    "tag": "bread",
    "tagged_since": "2026-03-01",
    "text": "bre",
    "token": "from-the-mail",
    "wants": ["flour"],
}

_REFUSED: Mapping[int, Json] = {
    400: {"message": "amount: This is required.", "code": "required", "field": "amount"},
    401: {"message": "Log in first: a token is needed in Authorization: Bearer.", "code": "token_missing"},
    403: {"message": "This does not exist, or it is not yours.", "code": "not_allowed"},
    404: {"message": "There is no such id.", "code": "unknown", "field": "sessionID"},
    409: {"message": "An entity that only you act for still has a balance.", "code": "balance_not_zero"},
    413: {"message": "The body must have at most 1048576 bytes.", "code": "body_too_large"},
    429: {"message": "Too many requests; wait a little.", "code": "too_many_requests"},
    500: {"message": f"Something went wrong here. Request {_ID}.", "code": "internal"},
    503: {"message": "The ledger is away; try again shortly.", "code": "service_away"},
}


def refused(status: int) -> Json:
    """A refusal with this status."""
    return {"errors": [_REFUSED[status]]}


def example_of(schema: Json, definitions: Mapping[str, Json], name: str = "", model: str = "") -> Any:
    """A value of this schema; `name` is the field's, `model` the title of what it stands in. Raises LookupError."""
    if "$ref" in schema:
        found = schema["$ref"].rsplit("/", 1)[1]
        return example_of(definitions[found], definitions, name, found)
    for key in (f"{model}.{name}", name):
        if name and key in VALUES and _fits(VALUES[key], schema):
            return VALUES[key]
    if "properties" in schema:
        own = schema.get("title", model)
        return {
            each: example_of(about, definitions, each, own)
            for each, about in schema["properties"].items()
            if each not in _ABSENT.get(own, ())
        }
    if name == "pendingTransfers":
        return [_still_open(example_of(schema["items"], definitions))]
    return _plain(schema, definitions, name, model)


def _still_open(transfer: Json) -> Json:
    kept = {name: value for name, value in transfer.items() if name not in _NOT_OPEN}
    return {name: _OPEN.get(name, value) for name, value in kept.items()}


def of_another(example: Any) -> Any:
    """The example of an entity, or of what holds one, as those see it who do not act for it."""
    if isinstance(example, dict):
        return {name: of_another(value) for name, value in example.items() if name not in _OWN}
    return [of_another(each) for each in example] if isinstance(example, list) else example


def _plain(schema: Json, definitions: Mapping[str, Json], name: str, model: str) -> Any:
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type")
    if kind == "array":
        return [example_of(schema["items"], definitions, name, model)]
    inside = schema.get("additionalProperties")
    if isinstance(inside, dict) and "$ref" in inside:
        return {"full": example_of(inside, definitions, name, model)}
    if kind == "object":
        return {"pending": 3, "tradingAccepted": 120} if "additionalProperties" in schema else {}
    if kind == "boolean":
        return True
    if kind in {"integer", "number"}:
        return max(1, schema.get("minimum", 1))
    raise LookupError(f"an example for {model}.{name} is missing in {__name__}")


def _fits(value: Any, schema: Json) -> bool:
    """Whether a value that goes by the name alone can be one of this schema."""
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds = {"array": list, "object": dict, "string": str, "number": int | float, "integer": int}
    expected = kinds.get(schema.get("type", ""))
    return expected is not None and isinstance(value, expected)


def parameter(name: str, schema: Json) -> Any:
    """A value for a parameter. Raises LookupError."""
    if name in PARAMETERS:
        value = PARAMETERS[name]
        return [value] if schema.get("type") == "array" and not isinstance(value, list) else value
    if "default" in schema:
        return schema["default"]
    if schema.get("format") == "uuid":
        return _ID
    if "enum" in schema.get("items", schema):
        first = schema.get("items", schema)["enum"][0]
        return [first] if "items" in schema else first
    raise LookupError(f"an example for the parameter {name} is missing in {__name__}")
