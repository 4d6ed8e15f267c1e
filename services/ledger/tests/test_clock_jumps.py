"""The database's clock jumps forward or back: nothing expires twice, and history stays in order."""

from services.ledger.service.clock import act_on_due
from services.ledger.tests.books import books_of
from services.ledger.tests.conftest import Member, Node
from services.ledger.tests.test_auditor import auditor_of

HOUR_AHEAD = "+ interval '1 hour'"


async def moved(node: Node, *statements: str) -> None:
    """A clock that jumps is the same as moments that lie elsewhere, seen from it."""
    for table in ("entry", "account", "hold"):
        await node.owner.execute(f"alter table {table} disable trigger user")
    for statement in statements:
        await node.owner.execute(statement)
    for table in ("entry", "account", "hold"):
        await node.owner.execute(f"alter table {table} enable trigger user")


async def moments(node: Node, who: Member) -> list[str]:
    _, statement = await node.call("GET", f"/accounts/{who.entity_id}/statement", who.token)
    return [line["at"] for line in statement["items"]]


async def test_a_jump_forward_expires_each_proposal_once(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    proposed = [(await node.propose(baker, smith, 100))[1]["id"] for _ in range(3)]
    await moved(
        node,
        "update hold set expires_at = expires_at - interval '10 years', remind_at = remind_at - interval '10 years'",
    )
    status, refusal = await node.act("accept", proposed[0], smith)
    assert (status, refusal["errors"][0]["code"]) == (400, "transfer_finished")
    while await act_on_due(node.ledger):
        pass
    told = [type_ for type_ in await node.told_types() if type_ == "ledger.transfer.cancelled.v1"]
    assert len(told) == 3
    _, account = await node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert (account["held_minor"], account["balance_minor"]) == (0, 0)
    await node.assert_sound()


async def test_a_jump_back_books_nothing_before_what_is_booked(node: Node) -> None:
    baker, smith, tailor = await node.member(), await node.member(), await node.member()
    await node.pay(baker, smith, 100)
    await moved(
        node,
        f"update entry set at = at {HOUR_AHEAD}",
        f"update account set last_at = last_at {HOUR_AHEAD} where seq > 0",
    )
    [ahead] = await moments(node, baker)
    await node.pay(smith, tailor, 30)
    await node.pay(tailor, baker, 20)
    for who in (baker, smith, tailor):
        seen = await moments(node, who)
        assert seen == sorted(seen, reverse=True)
        assert min(seen) >= ahead  # an account never books before its last entry, nor before the other side's
    async with books_of(node) as books:
        await books.seal()
        assert await auditor_of(books).whole() == []


async def test_a_jump_back_expires_nothing_early(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 100)
    await moved(node, "update hold set expires_at = expires_at + interval '1 year'")
    assert await act_on_due(node.ledger) == 0
    assert (await node.act("accept", proposed["id"], smith))[1]["status"] == "completed"
