"""A whole node in this process: a signup of which identity alone made its part (ID-01), own data (ID-15), an operator (ID-12)."""

import re

import httpx2
import pytest

from gateway import flows
from libs.common.peers import Caller
from libs.common.testing.waiting import eventually
from tests.e2e.driving import PASSWORD


@pytest.fixture
def node(own_node):
    return own_node


@pytest.fixture
async def api(node):
    transport = httpx2.ASGITransport(app=node.services["gateway"].api)
    async with httpx2.AsyncClient(transport=transport, base_url="http://node/api/v1") as client:
        yield client


async def test_people_of_a_whole_node(api, node, monkeypatch):
    """One node for all: starting it is what takes time."""
    await a_signup_that_the_gateway_did_not_live_to_finish_is_whole_all_the_same(api, monkeypatch)
    await an_operator_reads_the_figures_and_an_admins_own_data_are_few(api, node)


async def a_signup_that_the_gateway_did_not_live_to_finish_is_whole_all_the_same(api, monkeypatch):
    async def dies(*_, **__) -> None:
        """In the moment after identity's answer: nobody is asked for a part."""

    monkeypatch.setattr(flows, "_make_parts", dies)
    profile = {"entityName": "Rosa's bees", "city": "Brookvale", "offers": ["honey"]}
    body = {"userEmail": "rosa@people.example", "password": PASSWORD, **profile}
    made = (await api.post("/signup", json=body)).json()["data"]
    headers = {"Authorization": f"Bearer {made['token']}"}

    async def whole() -> bool:
        (entity,) = (await api.get("/user/entities", headers=headers)).json()["data"]
        assert (entity["id"], entity["name"], entity["city"]) == (made["entityID"], "Rosa's bees", "Brookvale")
        assert entity["offers"] == ["honey"]
        assert entity["balance"] == 0
        assert entity["maxNegativeBalance"] == 0
        assert entity["maxPositiveBalance"] == 500
        return bool(re.fullmatch(r"\d{16}", entity["accountNumber"]))

    await eventually(lambda: _ready(api, headers, made["entityID"]), within_s=20)
    await eventually(whole, within_s=20)
    export = (await api.get("/user/export", headers=headers)).json()
    assert set(export) == {
        "login", "entities", "accounts", "favorites", "dismissed_matches", "preferences", "notices", "statements",
    }  # fmt: skip
    assert export["login"]["user"]["email"] == "rosa@people.example"
    assert export["favorites"] == export["dismissed_matches"] == {made["entityID"]: []}
    assert export["preferences"]
    (statement,) = export["statements"]
    heard = await api.get(f"http://node{statement}", headers=headers)
    assert heard.status_code == 200


async def an_operator_reads_the_figures_and_an_admins_own_data_are_few(api, node):
    tokens = {}
    for role in ("admin", "operator"):
        body = {"email": f"{role}@people.example", "password": PASSWORD, "role": role}
        await node.peers.call("identity", "POST", "/admins", caller=Caller(), body=body)
        heard = await api.post("/admin/login", json={"email": body["email"], "password": PASSWORD})
        tokens[role] = {"Authorization": f"Bearer {heard.json()['data']['token']}"}
    for path in ("/admin/audit", "/admin/jobs", "/admin/entities/counts", "/admin/search-index/rebuild"):
        for headers in tokens.values():
            assert (await api.get(path, headers=headers)).status_code == 200, path
    for path in ("/admin/users", "/admin/logs", "/admin/entities", "/admin/transfers", "/user/entities"):
        assert (await api.get(path, headers=tokens["operator"])).status_code in {401, 403}, path
    export = (await api.get("/user/export", headers=tokens["admin"])).json()
    assert export["login"]["user"]["role"] == "admin"
    assert export["entities"] == export["statements"] == []


async def _ready(api: httpx2.AsyncClient, headers: dict[str, str], entity_id: str) -> bool:
    heard = await api.get("/balance", params={"querying_entity_id": entity_id}, headers=headers)
    entities = (await api.get("/user/entities", headers=headers)).json().get("data") or []
    return heard.status_code == 200 and len(entities) == 1
