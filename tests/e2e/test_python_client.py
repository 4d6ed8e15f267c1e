"""The main job by the Python client, sync and async, and what its members are told."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from libs.client.mccs_client import AsyncClient, Client, Refused
from tests.e2e.driving import PASSWORD, Admin, Api, eventually
from tests.e2e.running import Running


def _signed_up(node: Running, **tags: list[str]) -> tuple[Client, dict[str, Any]]:
    name = f"Edith {uuid.uuid4().hex[:10]}"
    client = Client(node.address)
    client.signup(f"{name.replace(' ', '.').lower()}@example.org", PASSWORD, entity_name=name, **tags)  # type: ignore[arg-type]
    return client, dict(client.my_entities()[0])


def test_two_members_trade_by_the_client_and_are_told(node: Running, api: Api):
    tag = f"basketry {uuid.uuid4().hex[:6]}"
    (ana, her), (ben, his) = _signed_up(node, offers=[tag]), _signed_up(node, wants=[tag])
    admin = Client(node.address, token=Admin(api).token)
    for entity in (her, his):
        changed = admin.admin_update_entity(
            entity["id"], status="tradingAccepted", max_negative_balance=100, max_positive_balance=1000
        )
        assert changed["max_positive_balance"] == Decimal(1000)
    found = eventually(lambda: ben.entities(offers=[tag]).items)
    assert [entity["id"] for entity in found] == [her["id"]]

    numbers = {"initiator": his["account_number"], "receiver": her["account_number"]}
    key = str(uuid.uuid4())
    made = ben.propose("out", **numbers, amount=Decimal("12.50"), description="A basket", idempotency_key=key)
    again = ben.propose("out", **numbers, amount=Decimal("12.50"), description="A basket", idempotency_key=key)
    assert made["id"] == again["id"]
    with pytest.raises(Refused) as refused:
        ben.propose("out", **numbers, amount=13, description="A basket", idempotency_key=key)
    assert refused.value.code == "idempotency_conflict"
    assert ana.accept(made["id"])["status"] == "transferCompleted"
    assert ana.balance(her["id"])["balance"] == Decimal("12.5")
    assert [line["balance_after"] for line in ben.each(ben.statement, his["id"])] == [Decimal("-12.5")]

    told = eventually(lambda: [n["title"] for n in ana.notices().items if n["kind"] == "transfer_proposed"])
    assert told == [f"{his['name']} wants to pay you 12.50\N{NO-BREAK SPACE}CR"]
    accepted = eventually(lambda: [n["title"] for n in ben.notices().items if n["kind"] == "transfer_accepted"])
    assert accepted == [f"{her['name']} accepted your payment of 12.50\N{NO-BREAK SPACE}CR"]
    assert ana.read_notices() == {"unread": 0}
    for client in (ana, ben, admin):
        client.close()


async def test_the_async_client_speaks_to_the_same_node(node: Running):
    name = f"Edith {uuid.uuid4().hex[:10]}"
    async with AsyncClient(node.address) as client:
        assert (await client.health())["status"] == "up"
        await client.signup(f"{name.replace(' ', '.').lower()}@example.org", PASSWORD, entity_name=name)
        mine = (await client.my_entities())[0]
        assert mine["name"] == name
        updated = await client.update_entity(mine["id"], offers=["Willow Baskets"], website="https://example.org")
        assert updated["offers"] == ["willow-baskets"]
        assert "website" not in await client.update_entity(mine["id"], website=None)
        assert [line async for line in client.each(client.statement, mine["id"])] == []
        await client.logout()
        assert client.token is None
