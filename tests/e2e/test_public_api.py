"""The public API of a running node against the contract, and against somebody who names what is not theirs."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from gateway.api import examples
from gateway.tests.matrix import ROWS, Row
from gateway.tests.test_bad_input import INJECTIONS
from gateway.tests.test_conformance import CONTRACTED, schema_of
from gateway.tests.test_description import OPERATIONS, undescribed
from tests.e2e.driving import PASSWORD, Admin, Api, Member, eventually
from tests.e2e.running import ADMIN, Running

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
UNKNOWN = "0199b3f0-0000-7000-8000-00000000dead"
STRANGERS = [row for row in ROWS if row.stranger is not None]


@dataclass(slots=True)
class Town:
    """Two members who trade, one who has nothing to do with them, and an admin."""

    client: httpx2.Client
    admin: str
    ana: Member
    ben: Member
    eve: Member
    proposal: str
    ids: dict[str, str]

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **query: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.client.request(method, path, headers=headers, params=query, **content)


@pytest.fixture(scope="module")
def town(node: Running) -> Iterator[Town]:
    api = Api(node.address)
    admin = Admin(api)
    names = [f"{name} {uuid.uuid4().hex[:10]}" for name in ("Ana", "Ben", "Eve")]
    ana, ben, eve = (Member.signs_up(api, name, offers=("thatch",), wants=("reed",)) for name in names)
    for member in (ana, ben, eve):
        admin.lets_trade(member)
    api("PATCH", f"/admin/entities/{ana.entity_id}", admin.token, {"categories": ["Roofs and walls"]})
    proposal = ana.proposes(ben, 5)["id"]
    key = api("POST", f"/entities/{ana.entity_id}/keys", ana.token, {"name": "till", "scopes": ["read"]})
    invited = api("POST", f"/entities/{ana.entity_id}/invitations", ana.token, {"email": "zoe@people.example"})
    group = api(
        "POST",
        "/transfer-groups",
        ana.token,
        {"initiator": ana.number, "transfers": [{"payer": ana.number, "payee": ben.number, "amount": 1}]},
    )
    hook = api("POST", "/webhooks", ana.token, {"url": "https://192.0.2.10/told", "entityID": ana.entity_id})
    session = api("GET", "/sessions", ana.token)[0]
    user = api("GET", "/user", ana.token)
    ids = {
        "entityID": ana.entity_id,
        "userID": user["id"],
        "keyID": key["id"],
        "invitationID": invited["id"],
        "groupID": group["id"],
        "sessionID": session["id"],
        "webhookID": hook["id"],
        "transferID": proposal,
        "name": "picture.jpg",
    }
    with httpx2.Client(base_url=node.address, timeout=30) as client:
        yield Town(client, admin.token, ana, ben, eve, proposal, ids)
    api.close()


def bodies(town: Town, owner: Member) -> dict[str, Any]:
    """Good bodies in which the acting side is `owner`'s."""
    proposal = {"transfer": "out", "initiator": owner.number, "receiver": town.eve.number, "amount": 1}
    favorite = {"addToEntityID": owner.entity_id, "favoriteEntityID": town.ben.entity_id, "isFavorite": True}
    message = {"senderEntityID": owner.entity_id, "receiverEntityID": town.ben.entity_id, "body": "Hello"}
    lines = [{"payer": owner.number, "payee": town.ben.number, "amount": 1}]
    return {
        "PATCH /user/entities/{entityID}": {"city": "Elsewhere"},
        "PUT /entities/{entityID}/people/{userID}": {"role": "member"},
        "POST /entities/{entityID}/invitations": {"email": "eve@people.example"},
        "POST /entities/{entityID}/keys": {"name": "mine", "scopes": ["read"]},
        "POST /favorites": favorite,
        "POST /send-email": message,
        "POST /matches/dismissals": {"entityID": owner.entity_id, "otherEntityID": town.ben.entity_id},
        "POST /entities/{entityID}/application": {
            "firstName": "E",
            "lastName": "V",
            "telephone": "+1 555 0100",
            "agreement": True,
        },
        "POST /entities/{entityID}/pictures": GIF,
        "POST /transfers": proposal,
        "POST /transfers/preview": proposal,
        "POST /transfers/{transferID}/refund": {"amount": 1},
        "PATCH /transfers/{transferID}": {"action": "accept"},
        "POST /transfer-groups": {"initiator": owner.number, "transfers": lines},
        "POST /transfer-groups/{groupID}/accept": {"entityID": owner.entity_id},
        "POST /transfer-groups/{groupID}/end": {"reason": ""},
        "POST /webhooks": {"url": "https://192.0.2.10/mine", "entityID": owner.entity_id},
        "PUT /preferences": {"preferences": [{"kind": "transfer_accepted", "mail": True}], "entityID": owner.entity_id},
    }


QUERIES: dict[str, dict[str, str]] = {
    "GET /transfers": {"status": "all"},
    "GET /balance/at": {"at": "2026-01-01"},
}
AS_ENTITY = {
    "/balance",
    "/entities",
    "/entities/{entityID}",
    "/matches",
    "/transfers",
    "/pending",
    "/statement",
    "/statement.csv",
    "/statement.pdf",
    "/statement.json",
    "/balance/series",
    "/balance/at",
    "/preferences",
    "/webhooks",
}


def query_of(row: Row, entity_id: str) -> dict[str, str]:
    acting = {"querying_entity_id": entity_id} if row.method == "GET" and row.template in AS_ENTITY else {}
    return QUERIES.get(row.name, {}) | acting


@pytest.mark.parametrize("row", STRANGERS, ids=lambda row: row.name)
def test_who_names_somebody_elses_object_is_refused_and_learns_nothing(town: Town, row: Row):
    ids = town.ids | ({"entityID": town.ben.entity_id} if row.name == "GET /entities/{entityID}" else {})
    body = bodies(town, town.ana).get(row.name)
    query = query_of(row, town.ana.entity_id)
    heard = town.ask(row.method, row.path(**ids), town.eve.token, body, **query)
    assert heard.status_code == row.stranger, heard.text
    assert "errors" in heard.json()
    for secret in (town.ana.email, town.ana.name, town.ana.number, town.ids["userID"]):
        assert secret not in heard.text
    unknown = dict.fromkeys(ids, UNKNOWN)
    if row.template.count("{") == 1 and row.name != "GET /entities/{entityID}":
        again = town.ask(row.method, row.path(**unknown), town.eve.token, body, **query)
        assert (again.status_code, again.json()) == (heard.status_code, heard.json())
    assert town.ana.entity().get("city") != "Elsewhere"


def test_nothing_of_the_strangers_tries_has_happened(town: Town):
    mine = town.ask("GET", f"/api/v1/transfers/{town.proposal}", town.ana.token)
    assert mine.json()["data"]["status"] == "transferInitiated"
    assert len(town.ask("GET", f"/api/v1/entities/{town.ana.entity_id}/keys", town.ana.token).json()["data"]) == 1
    assert len(town.ask("GET", f"/api/v1/entities/{town.ana.entity_id}/people", town.ana.token).json()["data"]) == 1


def test_every_published_reading_operation_has_the_contracts_shape_on_a_running_node(town: Town):
    ana = town.ana
    reads = [
        ("/user", ana.token, {}),
        ("/user/entities", ana.token, {}),
        ("/categories", None, {"prefix": "roo"}),
        ("/tags", None, {"fragment": "tha"}),
        ("/entities", None, {"offers": "thatch"}),
        ("/entities", ana.token, {"wants": "reed", "querying_entity_id": ana.entity_id}),
        ("/entities/{entityID}", ana.token, {"querying_entity_id": ana.entity_id}),
        ("/transfers", ana.token, {"status": "all", "querying_entity_id": ana.entity_id}),
        ("/balance", ana.token, {"querying_entity_id": ana.entity_id}),
        ("/admin/users", town.admin, {"email": "people"}),
        ("/admin/users/{userID}", town.admin, {}),
        ("/admin/entities", town.admin, {"status": "tradingAccepted", "balance": "-500"}),
        ("/admin/entities/{entityID}", town.admin, {}),
        ("/admin/transfers", town.admin, {"status": "initiated"}),
        ("/admin/transfers/{transferID}", town.admin, {}),
        ("/admin/logs", town.admin, {"action": "login"}),
    ]
    for template, token, query in reads:
        heard = town.ask("GET", "/api/v1" + template.format(**town.ids), token, **query)
        assert heard.status_code == 200, (template, heard.text)
        jsonschema.validate(heard.json(), schema_of(f"GET {template}", 200))
        assert "null" not in heard.text
        assert heard.json()["data"], template


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NUMBERS = {"accountNumber", "from", "to", "fromAccountNumber", "toAccountNumber", "number"}
NOT_AMOUNTS = {"latitude", "longitude", "score", "distanceKm"}


def odd(value: Any, name: str = "") -> list[str]:
    """What of an answer is not as `id`, account number, moment or amount should be written."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in odd(each, key)]
    if isinstance(value, list):
        return [found for each in value for found in odd(each, name)]
    is_moment = (
        name.endswith("At") or name in {"at", "since", "lastLoginDate", "memberSince"} or name.startswith("date")
    )
    right = True
    if value is None or ((name == "id" or name.endswith("ID")) and not isinstance(value, str)):
        right = False
    elif name in NUMBERS:
        right = bool(re.fullmatch("[0-9]{16}", str(value))) and isinstance(value, str)
    elif is_moment:
        right = bool(MOMENT.fullmatch(str(value)))
    elif isinstance(value, Decimal):
        right = name in NOT_AMOUNTS or -int(value.as_tuple().exponent) <= 2
    return [] if right else [f"{name}: {value!r}"]


READS = [row for row in ROWS if row.method == "GET" and "application/json" in OPERATIONS[row.name]["responses"]["200"]["content"]]  # fmt: skip


def test_every_read_of_a_running_node_is_described_and_well_written(town: Town):
    empty, wrong = set(), []
    for row in READS:
        required = [
            each for each in OPERATIONS[row.name].get("parameters", []) if each["in"] == "query" and each["required"]
        ]
        query = {each["name"]: examples.parameter(each["name"], each["schema"]) for each in required}
        query |= query_of(row, town.ana.entity_id)
        heard = town.ask(
            "GET", row.path(**town.ids), town.admin if row.member == "403" else town.ana.token, None, **query
        )
        assert heard.status_code == 200, (row.name, heard.text)
        answer = json.loads(heard.text, parse_float=Decimal)
        schema = OPERATIONS[row.name]["responses"]["200"]["content"]["application/json"]["schema"]
        wrong += [(row.name, found) for found in undescribed(answer, schema)]
        if row.name not in {
            "GET /user/export",
            "GET /statement.json",
            "GET /api/openapi.json",
        }:  # in words of their own
            wrong += [(row.name, found) for found in odd(answer)]
            empty |= set() if answer.get("data") else {row.name}
    assert wrong == []
    assert len(empty) < len(READS) / 3, empty


ACTS = (
    *("login.succeeded", "login.failed", "forbidden", "user.edited"),  # identity's
    *("entity.changed", "entity.status_changed", "category.renamed"),  # the directory's
    *("favorite.added", "favorite.removed", "contact.sent", "match.dismissed"),
    *("limits.changed", "transfer.made_on_behalf"),  # the ledger's
    *("webhook.added", "webhook.removed", "preferences.changed"),  # the notifier's
    "index.rebuilt",  # the matcher's
)
CHANGES = {
    *("user.edited", "entity.changed", "entity.status_changed", "category.renamed", "limits.changed"),
    *("favorite.added", "contact.sent", "match.dismissed", "webhook.added", "preferences.changed", "index.rebuilt"),
}
ANAS_ACTS = (
    *("favorite.added", "favorite.removed", "contact.sent", "match.dismissed"),
    *("webhook.added", "webhook.removed", "preferences.changed"),
)


def acts_of_ana(town: Town, api: Api) -> str:
    """Between two members, and in what she is told; the secret of her webhook, which no log may hold."""
    ana, body = town.ana, bodies(town, town.ana)
    for wanted in (True, False):
        api("POST", "/favorites", ana.token, body["POST /favorites"] | {"isFavorite": wanted})
        preference = {"kind": "transfer_accepted", "mail": not wanted}
        api("PUT", "/preferences", ana.token, {"preferences": [preference], "entityID": ana.entity_id})
    api("POST", "/send-email", ana.token, body["POST /send-email"])
    match = {"entityID": ana.entity_id, "otherEntityID": town.eve.entity_id}
    api("POST", "/matches/dismissals", ana.token, match)
    hook = api("POST", "/webhooks", ana.token, body["POST /webhooks"])
    api("DELETE", f"/webhooks/{hook['id']}", ana.token)
    return str(hook["secret"])


def test_the_activity_log_hears_every_service_with_before_and_after(town: Town):
    api = Api(str(town.client.base_url).rstrip("/"))
    mark = uuid.uuid4().hex[:8]
    member = Member.signs_up(api, f"Log {mark}")
    user_id = api("GET", "/user", member.token)["id"]
    admin, entity = town.admin, f"/admin/entities/{member.entity_id}"
    category = api("POST", "/admin/categories", admin, {"name": f"old {mark}"})["id"]
    Admin(api).lets_trade(member)
    api("PATCH", f"/user/entities/{member.entity_id}", member.token, {"city": f"City {mark}"})
    api("PATCH", entity, admin, {"status": "tradingRejected"})
    api("PATCH", entity, admin, {"status": "tradingAccepted", "maxNegativeBalance": 321})
    api("PATCH", f"/admin/users/{user_id}", admin, {"lastName": f"Name {mark}"})
    api("PATCH", f"/admin/categories/{category}", admin, {"name": f"new {mark}"})
    pays = {"payer": town.ben.number, "payee": member.number, "amount": 0.01, "description": mark}
    api("POST", "/admin/transfers", admin, pays)
    api("POST", "/admin/search-index/rebuild", admin)
    secret = acts_of_ana(town, api)
    assert town.ask("GET", f"/api/v1{entity}", member.token).status_code == 403
    assert town.ask("POST", "/api/v1/login", None, {"email": member.email, "password": "x"}).status_code == 400
    api("POST", "/login", None, {"email": member.email, "password": PASSWORD})
    acted = dict.fromkeys(ACTS, ADMIN[0]) | dict.fromkeys(
        ("login.succeeded", "login.failed", "forbidden", "entity.changed"), member.email
    )
    acted |= dict.fromkeys(ANAS_ACTS, town.ana.email)
    for action, email in acted.items():
        found = eventually(lambda: api("GET", "/admin/logs", admin, email=email, action=action), within_s=20)  # noqa: B023
        if action in CHANGES:
            assert found[0].get("before") != found[0]["after"], action
            assert found[0]["after"], action
        assert MOMENT.fullmatch(found[0]["createdAt"])
    assert secret not in town.ask("GET", "/api/v1/admin/logs", admin, action="webhook.").text
    limits = api("GET", "/admin/logs", admin, action="limits.changed")[0]
    assert "50000" in str(limits["before"])
    assert "32100" in str(limits["after"])
    assert api("GET", "/admin/logs", admin, action="entity.changed", email=member.email)[0]["after"] == {
        "city": f"City {mark}"
    }
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        assert town.ask(method, "/api/v1/admin/logs", admin, {}).status_code == 405
    api.close()


def test_every_published_writing_operation_has_the_contracts_shape_on_a_running_node(town: Town):
    api = Api(str(town.client.base_url).rstrip("/"))
    new = Member.signs_up(api, f"New {uuid.uuid4().hex[:10]}")
    admin = town.admin
    named = [
        town.ask("POST", f"/api/v1/admin/{noun}", admin, {"name": f"x {uuid.uuid4().hex[:6]}"}).json()["data"]["id"]
        for noun in ("categories", "tags")
    ]
    user_id = town.ask("GET", "/api/v1/user", new.token).json()["data"]["id"]
    ids = {"entityID": new.entity_id, "userID": user_id, "categoryID": named[0], "tagID": named[1]}
    pays = {"payer": town.ana.number, "payee": town.ben.number, "amount": 0.01, "description": "as agreed"}
    own = bodies(town, town.ana)
    proposal = own["POST /transfers"] | {"receiver": town.ben.number}
    writes = [
        ("PATCH /user", new.token, {"firstName": "Nia", "lastName": ""}),
        ("PATCH /user/entities/{entityID}", new.token, {"city": "Exampleton", "website": None, "offers": ["A b"]}),
        ("POST /favorites", town.ana.token, own["POST /favorites"]),
        ("POST /send-email", town.ana.token, own["POST /send-email"]),
        ("POST /transfers", town.ana.token, proposal),
        ("POST /admin/transfers", admin, pays),
        ("PATCH /admin/categories/{categoryID}", admin, {"name": f"y {uuid.uuid4().hex[:6]}"}),
        ("DELETE /admin/categories/{categoryID}", admin, None),
        ("PATCH /admin/tags/{tagID}", admin, {"name": f"y {uuid.uuid4().hex[:6]}"}),
        ("DELETE /admin/tags/{tagID}", admin, None),
        ("PATCH /admin/users/{userID}", admin, {"lastName": "Newcomer", "entities": [new.entity_id]}),
        ("PATCH /admin/entities/{entityID}", admin, {"status": "accepted", "maxPositiveBalance": 700, "name": "Nia's"}),
        ("POST /password-change", new.token, {"password": PASSWORD + "x"}),
        ("POST /logout", new.token, None),
        ("DELETE /admin/entities/{entityID}", admin, None),
        ("DELETE /admin/users/{userID}", admin, None),
    ]
    for name, token, body in writes:
        method, template = name.split()
        heard = town.ask(method, "/api/v1" + template.format(**ids), token, body)
        assert heard.status_code == 200, (name, heard.text)
        assert name in CONTRACTED
        schema = schema_of(name, 200)
        if schema is not None:
            jsonschema.validate(heard.json(), schema)
    api.close()


TEXTS = {
    "/entities": ("offers", "wants", "category", "name"),
    "/categories": ("prefix", "fragment"),
    "/tags": ("prefix", "fragment"),
    "/tags/suggestions": ("text",),
    "/admin/entities": ("offers", "wants", "category", "name", "email", "account_number", "city", "region", "country"),
    "/admin/users": ("last_name", "email"),
    "/admin/logs": ("email", "category", "action", "detail"),
}
WILD = ("*", ".*", "%", "_", "?", "^", "$", "[a-z]*", '{"$ne": null}', "*:*", "a* OR b*")


@pytest.mark.parametrize("path", TEXTS)
def test_text_in_a_parameter_is_text_and_never_a_pattern(town: Town, path: str):
    for name in TEXTS[path]:
        for text in (*INJECTIONS, *WILD):
            heard = town.ask("GET", f"/api/v1{path}", town.admin if "/admin/" in path else None, **{name: text})
            assert heard.status_code in {200, 400}, (name, text, heard.text)
            if text in WILD and heard.status_code == 200 and name in {"email", "last_name", "city", "detail", "action"}:
                assert heard.json()["data"] == [] or text in {"_", "?"}, (name, text)


def test_every_filter_of_the_admins_lists_finds_what_fits_and_nothing_else(town: Town):
    api, admin = Api(str(town.client.base_url).rstrip("/")), town.admin
    mark = uuid.uuid4().hex[:8]
    member = Member.signs_up(api, f"Filter {mark}", offers=(f"kites {mark}",), wants=(f"string {mark}",))
    Admin(api).lets_trade(member, debt=400, credit=900)
    place = {"city": f"City {mark}", "region": f"Region {mark}", "country": f"Land {mark}"}
    api("PATCH", f"/admin/entities/{member.entity_id}", admin, place | {"categories": [f"toys {mark}"]})
    pays = {"payer": town.ben.number, "payee": member.number, "amount": 3.5, "description": f"Kites {mark}"}
    transfer = api("POST", "/admin/transfers", admin, pays)["id"]
    user = api("GET", "/user", member.token)["id"]
    api("PATCH", f"/admin/users/{user}", admin, {"lastName": f"Last {mark}"})
    entities = {
        "name": (mark, "nobody"),
        "email": (member.email, f"x{member.email}"),
        "status": ("pending,tradingAccepted", "rejected"),
        "offers": (f"kites {mark}", f"string {mark}"),
        "wants": (f"string {mark}", f"kites {mark}"),
        "category": (f"toys {mark}", "toys"),
        "account_number": (member.number, town.ana.number),
        "city": (f"city {mark}", "Nowhere"),
        "region": (f"region {mark}", "Nowhere"),
        "country": (f"land {mark}", "Nowhere"),
        "balance": ("3.5", "3.51"),
        "max_pos_bal": ("900", "901"),
        "max_neg_bal": ("400", "401"),
        "tagged_since": ("2026-01-01", "2199-01-01"),
    }
    users = {"last_name": (f"last {mark}", "nobody"), "email": (member.email, f"x{member.email}")}
    transfers = {
        "status": ("completed", "initiated"),
        "account_number": (member.number, town.eve.number),
        "date_from": ("2026-01-01", "2199-01-01"),
        "date_to": ("2199-01-01", "2026-01-01"),
    }
    of_member = {"account_number": member.number}
    for path, filters, always, expected in (
        ("entities", entities, {"name": mark}, member.entity_id),
        ("users", users, {"email": member.email}, user),
        ("transfers", transfers, of_member, transfer),
    ):
        for name, (hit, miss) in filters.items():
            found = api.whole("GET", f"/admin/{path}", admin, **always | {name: hit})
            assert [each["id"] for each in found["data"]] == [expected], (path, name, hit)
            assert found["meta"] == {"numberOfResults": 1, "totalPages": 1}
            without = [each["id"] for each in api("GET", f"/admin/{path}", admin, **always | {name: miss})]
            assert expected not in without, (path, name, miss)
    api.close()


def test_a_partners_key_has_a_rate_of_its_own(town: Town):
    asked = {"name": "slow", "scopes": ["read"], "ratePerMinute": 2}
    key = town.ask("POST", f"/api/v1/entities/{town.ana.entity_id}/keys", town.ana.token, asked).json()["data"]
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
    token = town.client.post("/api/v1/oauth/token", data=form).json()["access_token"]
    heard = [town.ask("GET", "/api/v1/user/entities", token) for _ in range(3)]
    assert [each.status_code for each in heard] == [200, 200, 429]
    assert 1 <= int(heard[2].headers["retry-after"]) <= 60
    assert town.ask("GET", "/api/v1/user/entities", town.ana.token).status_code == 200
    town.ask("DELETE", f"/api/v1/keys/{key['id']}", town.ana.token)


def test_an_admins_change_holds_at_once_for_the_ledger_and_the_directory(town: Town):
    api = Api(str(town.client.base_url).rstrip("/"))
    eve, ana = town.eve, town.ana
    for status, may in (("tradingRejected", False), ("tradingAccepted", True)):
        api("PATCH", f"/admin/entities/{eve.entity_id}", town.admin, {"status": status})
        body = {"transfer": "out", "initiator": ana.number, "receiver": eve.number, "amount": 1}
        heard = town.ask("POST", "/api/v1/transfers", ana.token, body)
        assert (heard.status_code == 200) is may, heard.text
        assert api("GET", f"/entities/{eve.entity_id}", ana.token)["status"] == status
    api.close()


def test_who_leaves_is_gone_with_the_entity_and_may_come_again(town: Town):
    api = Api(str(town.client.base_url).rstrip("/"))
    member = Member.signs_up(api, f"Leaver {uuid.uuid4().hex[:10]}")
    Admin(api).lets_trade(member)
    heard = town.ask("DELETE", "/api/v1/user", member.token, {"password": "wrong-Pass-1"})
    assert heard.status_code == 400
    assert town.ask("DELETE", "/api/v1/user", member.token, {"password": PASSWORD}).status_code == 200
    assert town.ask("GET", "/api/v1/user", member.token).status_code == 401
    assert town.ask("GET", f"/api/v1/entities/{member.entity_id}").status_code == 400
    again = Member.signs_up(api, member.name)
    assert again.entity_id != member.entity_id
    api.close()
