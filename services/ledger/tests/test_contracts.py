"""What SQL builds is what the event classes say: every event of every path, field by field."""

from typing import Any

import pytest

from libs.common.contracts import Event
from libs.common.contracts import ledger as contracts
from libs.common.testing import eventually
from services.ledger.service.clock import act_on_due
from services.ledger.tests.conftest import Node

CLASSES = {
    kind.TYPE: kind
    for kind in vars(contracts).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind.__dict__.get("TYPE")
}


@pytest.fixture
def settings_changes() -> dict[str, Any]:
    return {"proposal_lifetime_s": 2, "proposal_reminder_s": 2}


async def test_every_event_is_exactly_its_class(node: Node) -> None:
    baker, smith = await node.member("Bakery"), await node.member("Smithy", high=45000)
    await node.call("POST", "/fees", "admin", {"name": "Upkeep", "share_ppm": 100})
    paid = await node.pay(baker, smith, 40000)
    await node.call("POST", f"/transfers/{paid['id']}/refund", smith.token, {"amount_minor": 5})
    on_behalf = {"payer": smith.number, "payee": baker.number, "amount_minor": 1, "description": "x"}
    await node.call("POST", "/transfers/on-behalf", "admin", on_behalf)
    _, rejected = await node.propose(baker, smith, 7)
    await node.act("reject", rejected["id"], smith)
    leg = {"payer": baker.number, "payee": smith.number, "amount_minor": 3, "description": ""}
    await node.call("POST", "/groups", baker.token, {"initiator": baker.number, "transfers": [leg]})
    await eventually(lambda: node.owner.fetchval("select bool_and(remind_at < clock_timestamp()) from hold"))
    assert await act_on_due(node.ledger) > 0
    await eventually(lambda: node.owner.fetchval("select bool_and(expires_at < clock_timestamp()) from hold"))
    await act_on_due(node.ledger)
    rows = await node.owner.fetch("select * from outbox order by position")
    for row in rows:
        event = CLASSES[row["type"]].model_validate(row["data"])  # an unknown field is refused
        assert event.model_dump(mode="json").keys() == row["data"].keys(), row["type"]
        assert row["subject"]
    told = {row["type"] for row in rows}
    not_of_postings = {"ledger.books.broken.v1"}
    assert set(CLASSES) - told == not_of_postings
    await node.assert_sound()


async def test_an_events_times_and_parties_are_those_of_the_answer(node: Node) -> None:
    baker, smith = await node.member("Bakery"), await node.member("Smithy")
    accepted = await node.pay(baker, smith, 5)
    fact = [data for kind, data in await node.told() if kind == contracts.TransferCompletedV1.TYPE][-1]
    assert fact["transfer_id"] == accepted["id"]
    for name in ("payer", "payee", "amount_minor", "unit", "description", "proposed_at", "completed_at"):
        assert fact[name] == accepted[name]


async def test_sequences_of_bands_and_limits_rise(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    for amount in (15000, 20000):
        await node.pay(baker, smith, amount)
        await node.pay(smith, baker, amount)
    rows = await node.owner.fetch(
        "select sequence from outbox where type = 'ledger.account.band_changed.v1' and subject = $1 order by position",
        baker.entity_id,
    )
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
