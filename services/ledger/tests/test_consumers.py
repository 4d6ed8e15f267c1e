"""Events in: duplicates, disorder, and what overtakes."""

import pytest

from libs.common.contracts.directory import (
    EntityChangedV1,
    EntityDeletedV1,
    EntityRegisteredV1,
    EntityStatusChangedV1,
)
from libs.common.contracts.identity import MembershipChangedV1
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.testing import eventually
from services.ledger.consumers import NotOpenYet
from services.ledger.tests.conftest import Node, an_envelope


def _registered(entity_id: str, owner: str | None = "u") -> EntityRegisteredV1:
    return EntityRegisteredV1(
        entity_id=entity_id, name="Bakery", email="b@b.example", status="pending", owner_user_id=owner
    )


def _status(entity_id: str, new: str, *, trades: bool) -> EntityStatusChangedV1:
    return EntityStatusChangedV1(
        entity_id=entity_id, name="Bakery", email="", old="", new=new, listed=True, may_trade=trades
    )


async def _hear(node: Node, envelope: Envelope) -> None:
    await node.bus.handlers[envelope.type](envelope)


async def _account(node: Node, entity_id: str) -> dict:  # type: ignore[type-arg]
    found: dict = (await node.call("GET", f"/accounts/{entity_id}", "admin"))[1]  # type: ignore[type-arg]
    return found


async def test_a_registration_opens_one_account_however_often_it_is_told(whole_node: Node) -> None:
    entity_id = new_id()
    envelope = an_envelope(_registered(entity_id), subject=entity_id, sequence=1)
    for _ in range(3):
        await _hear(whole_node, envelope)
    await _hear(whole_node, an_envelope(_registered(entity_id), subject=entity_id, sequence=1))
    assert (await _account(whole_node, entity_id))["status"] == "pending"
    await eventually(lambda: "ledger.account.opened.v1" in [e.type for e in whole_node.bus.published])
    assert (await whole_node.told_types()).count("ledger.account.opened.v1") == 1
    assert await whole_node.owner.fetchval("select count(*) from membership where entity_id = $1", entity_id) == 1


async def test_an_older_standing_loses(whole_node: Node) -> None:
    entity_id = new_id()
    await _hear(whole_node, an_envelope(_registered(entity_id), subject=entity_id, sequence=1))
    await _hear(
        whole_node, an_envelope(_status(entity_id, "tradingAccepted", trades=True), subject=entity_id, sequence=3)
    )
    await _hear(whole_node, an_envelope(_status(entity_id, "accepted", trades=False), subject=entity_id, sequence=2))
    account = await _account(whole_node, entity_id)
    assert (account["status"], account["may_trade"]) == ("tradingAccepted", True)


async def test_what_overtakes_the_registration_is_told_again_later(whole_node: Node) -> None:
    entity_id = new_id()
    early = an_envelope(_status(entity_id, "accepted", trades=False), subject=entity_id, sequence=2)
    with pytest.raises(NotOpenYet):
        await _hear(whole_node, early)
    await _hear(whole_node, an_envelope(_registered(entity_id), subject=entity_id, sequence=1))
    await _hear(whole_node, early)
    assert (await _account(whole_node, entity_id))["status"] == "accepted"


async def test_a_name_is_taken_over_and_an_older_one_is_not(whole_node: Node) -> None:
    entity_id = new_id()
    await _hear(whole_node, an_envelope(_registered(entity_id), subject=entity_id, sequence=1))
    for name, sequence in (("New", 5), ("Old", 4)):
        event = EntityChangedV1(
            entity_id=entity_id, name=name, email="", status="pending", listed=False, may_trade=False
        )
        await _hear(whole_node, an_envelope(event, subject=entity_id, sequence=sequence))
    assert (await _account(whole_node, entity_id))["name"] == "New"


async def test_membership_comes_and_goes_by_the_newest_word(whole_node: Node) -> None:
    baker, friend = await whole_node.member(), await whole_node.member()
    subject = f"{baker.entity_id}/{friend.user_id}"

    async def tell(role: str | None, sequence: int) -> None:
        event = MembershipChangedV1(entity_id=baker.entity_id, user_id=friend.user_id, role=role)
        await _hear(whole_node, an_envelope(event, subject=subject, sequence=sequence))

    path = f"/accounts/{baker.entity_id}"
    assert (await whole_node.call("GET", path, friend.token))[0] == 403
    await tell("member", 1)
    assert (await whole_node.call("GET", path, friend.token))[0] == 200
    await tell(None, 3)
    await tell("member", 2)
    assert (await whole_node.call("GET", path, friend.token))[0] == 403


async def test_a_deletion_closes_what_is_empty_and_leaves_a_balance_alone(whole_node: Node) -> None:
    baker, smith, empty = await whole_node.member(), await whole_node.member(), await whole_node.member()
    await whole_node.pay(baker, smith, 5)
    for member in (baker, empty):
        event = EntityDeletedV1(entity_id=member.entity_id, name=member.name)
        await _hear(whole_node, an_envelope(event, subject=member.entity_id, sequence=1))
    assert (await _account(whole_node, baker.entity_id))["status"] == "tradingAccepted"
    assert (await _account(whole_node, empty.entity_id))["status"] == "closed"
