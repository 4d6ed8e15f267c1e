"""A signup of which identity alone made its part: the rest follows by itself, whoever died in between (ID-01)."""

import os
import re

import httpx2
import pytest

from deploy.local.node import Node
from gateway import flows
from libs.common.testing.waiting import eventually
from tests.e2e.driving import PASSWORD


@pytest.fixture
async def api(tmp_path, monkeypatch):
    for name in [name for name in os.environ if re.match("MCCS_(?!TEST)", name)]:
        monkeypatch.delenv(name)
    for name, value in {"DATA": str(tmp_path), "DEMO": "0", "RATE_PER_MINUTE": "100000"}.items():
        monkeypatch.setenv(f"MCCS_{name}", value)
    node = Node(listen=False)
    await node.start()
    transport = httpx2.ASGITransport(app=node.services["gateway"].api)
    async with httpx2.AsyncClient(transport=transport, base_url="http://node/api/v1") as client:
        yield client
    await node.stop()


async def test_a_signup_that_the_gateway_did_not_live_to_finish_is_whole_all_the_same(api, monkeypatch):
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


async def _ready(api: httpx2.AsyncClient, headers: dict[str, str], entity_id: str) -> bool:
    heard = await api.get("/balance", params={"querying_entity_id": entity_id}, headers=headers)
    entities = (await api.get("/user/entities", headers=headers)).json().get("data") or []
    return heard.status_code == 200 and len(entities) == 1
