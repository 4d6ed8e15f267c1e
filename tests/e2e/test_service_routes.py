"""Every route of every service, asked by everybody: each service itself refuses who has no right, whoever let them in before."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from deploy.local.node import Node
from deploy.local.settings import NodeSettings
from libs.common.auth import ServiceTokens
from libs.common.peers import Caller
from tests.e2e.driving import PASSWORD
from tests.e2e.service_matrix import ROWS, Row

UNKNOWN = "0199b3f0-0000-7000-8000-00000000dead"
EVERYWHERE = ("/health", "/metrics", "/version")
ENDS_THE_SESSION = {"identity POST /logout", "identity DELETE /sessions"}
QUIET = "Nobody else's business"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an entity that trades."""

    user_id: str
    entity_id: str
    number: str
    token: str


@dataclass(slots=True)
class House:
    """A whole node in this process, each of its services by itself."""

    node: Node
    clients: dict[str, httpx2.AsyncClient]

    async def ask(self, service: str, method: str, path: str, token: str | None, **given: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.clients[service].request(method, path, headers=headers, **given)

    async def v1(self, method: str, path: str, token: str | None = None, body: Any = None) -> Any:
        heard = await self.ask("gateway", method, f"/api/v1{path}", token, json=body)
        assert heard.status_code < 300, (method, path, heard.text)
        return heard.json().get("data")

    async def joins(self, name: str, admin: str) -> Person:
        email = f"{name}@people.example"
        made = await self.v1("POST", "/signup", None, {"userEmail": email, "password": PASSWORD, "entityName": name})
        trades = {"status": "tradingAccepted", "maxNegativeBalance": 500}
        entity = await self.v1("PATCH", f"/admin/entities/{made['entityID']}", admin, trades)
        return Person(made["userID"], made["entityID"], entity["accountNumber"], made["token"])

    async def logs_in(self, email: str, role: str) -> str:
        body = {"email": email, "password": PASSWORD, "role": role}
        await self.node.peers.call("identity", "POST", "/admins", caller=Caller(), body=body)
        login = body | {"role": "admin", "kind": "api"}
        answer = await self.node.peers.call("identity", "POST", "/login", caller=Caller(), body=login)
        return str(answer.json()["token"])

    async def key_of(self, who: Person) -> str:
        asked = {"name": "till", "scopes": ["read", "propose", "accept"]}
        key = await self.v1("POST", f"/entities/{who.entity_id}/keys", who.token, asked)
        form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
        heard = await self.ask("gateway", "POST", "/api/v1/oauth/token", None, data=form)
        return str(heard.json()["access_token"])


@pytest.fixture
async def house(own_node):
    assert isinstance(own_node.settings, NodeSettings)
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                httpx2.AsyncClient(transport=httpx2.ASGITransport(app=service.api), base_url="http://node")
            )
            for name, service in own_node.services.items()
        }
        yield House(own_node, clients)


async def things_of(house: House, ana: Person, ben: Person) -> dict[str, str]:
    """What is Ana's, by the names that routes give it."""
    proposal = {"transfer": "out", "initiator": ana.number, "receiver": ben.number, "amount": 1, "description": QUIET}
    transfer = await house.v1("POST", "/transfers", ana.token, proposal)
    key = await house.v1("POST", f"/entities/{ana.entity_id}/keys", ana.token, {"name": QUIET, "scopes": ["read"]})
    invited = await house.v1(
        "POST", f"/entities/{ana.entity_id}/invitations", ana.token, {"email": "zoe@people.example"}
    )
    lines = [{"payer": ana.number, "payee": ben.number, "amount": 1, "description": QUIET}]
    group = await house.v1("POST", "/transfer-groups", ana.token, {"initiator": ana.number, "transfers": lines})
    hook = await house.v1("POST", "/webhooks", ana.token, {"url": "https://192.0.2.10/a", "entityID": ana.entity_id})
    sessions = await house.v1("GET", "/sessions", ana.token)
    nobodys = dict.fromkeys(("term_id", "job_id", "link_id", "fee_id", "mail_id"), UNKNOWN)
    return nobodys | {
        "entity_id": ana.entity_id,
        "user_id": ana.user_id,
        "other_id": ben.entity_id,
        "transfer_id": transfer["id"],
        "group_id": group["id"],
        "key_id": key["id"],
        "invitation_id": invited["id"],
        "session_id": sessions[0]["id"],
        "webhook_id": hook["id"],
        "fault_id": "1",
        "token": "x",
        "name": "a.jpg",
    }


def bodies(ana: Person, ben: Person) -> dict[str, Any]:
    """Good bodies that name what is Ana's, where a route looks at them before it knows whose it is."""
    proposal = {
        "direction": "out",
        "initiator": ana.number,
        "receiver": ben.number,
        "amount_minor": 1,
        "description": "",
    }
    lines = [{"payer": ana.number, "payee": ben.number, "amount_minor": 1}]
    person = {"first_name": "E", "last_name": "V", "telephone": "1", "agreement": True}
    return {
        "POST /api-keys": {"entity_id": ana.entity_id, "name": "mine", "scopes": ["read"]},
        "POST /invitations": {"entity_id": ana.entity_id, "email": "eve@people.example", "role": "member"},
        "PUT /memberships/{entity_id}/{user_id}": {"role": "member"},
        "PATCH /entities/{entity_id}": {"city": "Elsewhere"},
        "POST /contact-messages": {"from_entity_id": ana.entity_id, "to_entity_id": ben.entity_id, "body": "Hello"},
        "POST /entities/{entity_id}/application": person,
        "POST /entities/{entity_id}/dismissals": {"other_entity_id": ben.entity_id},
        "POST /entities/fetch": {"ids": [ana.entity_id]},
        "POST /transfers": proposal,
        "POST /transfers/preview": proposal,
        "POST /transfers/batch": {"transfers": [proposal]},
        "POST /groups": {"initiator": ana.number, "transfers": lines},
        "POST /groups/{group_id}/accept": {"entity_id": ana.entity_id},
        "POST /accounts/fetch": {"entity_ids": [ana.entity_id], "with_pending": True},
        "PUT /accounts/{entity_id}/standing": {"status": "rejected", "may_trade": False},
        "POST /audit/faults/{fault_id}/clearance": {"reason": "Let me"},
        "POST /webhooks": {"url": "https://192.0.2.10/mine", "entity_id": ana.entity_id, "kinds": []},
        "PUT /preferences": {"items": [{"kind": "contact_message", "mail": False}], "entity_id": ana.entity_id},
        "POST /matches/seen": {"entity_id": ana.entity_id},
    }


def routes_of(house: House) -> set[str]:
    """All there are, but for those that every service has."""
    found = set()
    for name, service in house.node.services.items():
        if name == "gateway":
            continue
        paths = {
            (method.upper(), path) for path, methods in service.api.openapi()["paths"].items() for method in methods
        }
        lean = {
            (method, route.path) for route in service.api.routes for method in getattr(route, "methods", None) or ()
        }
        found |= {f"{name} {method} {path}" for method, path in paths | lean if not path.startswith(EVERYWHERE)}
    return {each for each in found if each.split()[1] != "HEAD"}


async def test_each_route_of_each_service_lets_in_whom_the_table_says_and_nobody_else(house: House):
    assert routes_of(house) == {row.name for row in ROWS}
    admin, operator = (
        await house.logs_in("admin@node.example", "admin"),
        await house.logs_in("op@node.example", "operator"),
    )
    ana, ben, eve = [await house.joins(name, admin) for name in ("ana", "ben", "eve")]
    ids, given = await things_of(house, ana, ben), bodies(ana, ben)
    query = {"entity_id": ana.entity_id, "entity_ids": ana.entity_id, "kind": "offers", "tag": "x", "text": "x"}
    secret = house.node._secret
    speakers = {
        "nobody": None,
        "member": eve.token,
        "key": await house.key_of(eve),
        "admin": admin,
        "operator": operator,
    }
    wrong: list[tuple[str, ...]] = []

    async def outcome(row: Row, token: str | None) -> tuple[str, str]:
        body = given.get(f"{row.method} {row.path}", None if row.method in {"GET", "DELETE"} else {})
        heard = await house.ask(row.service, row.method, row.path.format(**ids), token, params=query, json=body)
        refused = heard.status_code in {401, 403} or (heard.status_code == 404 and "session_unknown" in heard.text)
        return str(heard.status_code) if refused else "yes", heard.text

    for row in ROWS:
        own_token = ServiceTokens(secret, "operator").token(row.service)
        anothers = ServiceTokens(secret, "operator").token("gateway")
        found, _ = await outcome(row, anothers)
        wrong += [(row.name, "a token for another service", found)] * (found != row.outcomes["nobody"])
        for who, expected in row.outcomes.items():
            changes = row.method != "GET" and (who in {"admin", "service"} or row.name in ENDS_THE_SESSION)
            if expected == "yes" and changes:  # it would: what is left to the others must still be there
                continue
            found, text = await outcome(row, own_token if who == "service" else speakers[who])
            if found != expected:
                wrong.append((row.name, who, found, text))
            if who in {"nobody", "member", "key", "operator"}:
                wrong += [(row.name, who, "told", each) for each in (QUIET, "zoe@", ana.user_id) if each in text]
    assert wrong == [], "\n".join(map(str, wrong))
    untouched = await house.v1("GET", f"/transfers/{ids['transfer_id']}", ana.token)
    assert untouched["status"] == "transferInitiated"
