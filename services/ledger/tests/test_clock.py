"""Expiry and reminder by the database's clock."""

from typing import Any

import pytest

from libs.common.testing import eventually
from services.ledger.service.clock import act_on_due
from services.ledger.tests.conftest import Node


@pytest.fixture
def settings_changes() -> dict[str, Any]:
    return {"proposal_lifetime_s": 1, "proposal_reminder_s": 1}


async def test_a_proposal_is_reminded_of_and_then_expires_by_itself(whole_node: Node) -> None:
    baker, smith = await whole_node.member(), await whole_node.member()
    _, proposed = await whole_node.propose(baker, smith, 100)

    async def status() -> bool:
        found = await whole_node.call("GET", f"/transfers/{proposed['id']}", baker.token)
        return bool(found[1]["status"] == "cancelled")

    await eventually(status, 10)
    _, seen = await whole_node.call("GET", f"/transfers/{proposed['id']}", baker.token)
    assert (seen["outcome"], seen["resolved_by"]) == ("expired", "system")
    _, account = await whole_node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert account["held_minor"] == 0
    await eventually(lambda: "ledger.transfer.cancelled.v1" in [e.type for e in whole_node.bus.published])
    types = [e.type for e in whole_node.bus.published if e.subject == proposed["id"]]
    assert types == ["ledger.transfer.proposed.v1", "ledger.transfer.expiring.v1", "ledger.transfer.cancelled.v1"]
    await whole_node.assert_sound()


async def test_what_has_run_out_cannot_be_accepted_even_before_it_is_swept(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 100)
    await eventually(lambda: node.owner.fetchval("select expires_at < clock_timestamp() from hold"))
    assert (await node.act("accept", proposed["id"], smith))[1]["errors"][0]["code"] == "transfer_finished"
    assert await act_on_due(node.ledger) == 1
    assert await act_on_due(node.ledger) == 0
    await node.assert_sound()
