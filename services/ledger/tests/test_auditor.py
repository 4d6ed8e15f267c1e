"""Sound books have no fault; each fault that the tables' owner can make is found, named, told once, and freezes."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from libs.common.auth import Principal
from libs.common.contracts.ledger import AuditRecordedV1
from libs.common.ids import new_id
from libs.common.testing.waiting import eventually
from services.ledger.service import auditor as auditor_module
from services.ledger.service.auditor import Auditor
from services.ledger.store.audit import AuditStore
from services.ledger.store.blocks import Blocks
from services.ledger.tests.books import Books, as_pool, books_of
from services.ledger.tests.conftest import Member, Node


@pytest_asyncio.fixture
async def books(node: Node) -> AsyncIterator[Books]:
    async with books_of(node) as made:
        yield made


async def filled(books: Books) -> tuple[Member, Member]:
    """Payments of every kind, an open proposal that reserves, a refund, a group, a fee; and all of it sealed."""
    node = books.node
    baker, smith, tailor = [await node.member(name) for name in ("Bakery", "Smithy", "Tailor")]
    paid = await node.pay(baker, smith, 1000)
    await node.pay(smith, tailor, 300)
    await node.propose(baker, smith, 250)
    _, refused = await node.propose(baker, smith, 5)
    await node.act("reject", refused["id"], smith)
    _, refund = await node.call(
        "POST", f"/transfers/{paid['id']}/refund", smith.token, {"amount_minor": 100, "description": "back"}
    )
    await node.act("accept", refund["id"], baker)
    on_behalf = {"payer": tailor.number, "payee": baker.number, "amount_minor": 7, "description": "by admin"}
    assert (await node.call("POST", "/transfers/on-behalf", "admin", on_behalf))[0] == 201
    await books.seal()
    return baker, smith


def auditor_of(books: Books, connection: Any = None) -> Auditor:
    pool = books.pool if connection is None else as_pool(connection)
    return Auditor(AuditStore(pool), Blocks(pool), books.keys, lambda: None)


async def test_sound_books_have_no_fault(books: Books) -> None:
    await filled(books)
    auditor = auditor_of(books)
    assert await auditor.sums() == []
    assert await auditor.changed() == []
    assert await auditor.whole() == []
    status, state = await books.node.call("POST", "/audit", "operator")
    assert (status, state["ok"], state["faults"]) == (200, True, [])
    assert set(state["runs"]) == {"sums", "changed", "full"}
    assert (state["accounts"], state["open_proposals"]) == (3, 1)


@dataclass(frozen=True)
class Fault:
    """Statements of the owner, what checks find them, and words of what is named. `whom`: who is frozen then."""

    name: str
    sql: tuple[str, ...]
    checks: tuple[str, ...]
    named: str
    whom: tuple[str, ...] = ("baker",)
    guarded: bool = False


OFF = "alter table {} disable trigger user"
ON = "alter table {} enable trigger user"
NEW_ENTRY = "insert into entry (account_id, seq, transfer_id, amount, balance_after, at) "
FAULTS = [
    Fault(
        "a balance without an entry",
        ("update account set balance = balance + 5 where number = '{baker}'",),
        ("zero_sum", "newest_entry"),
        "account {baker} says",
    ),
    Fault(
        "a balance without any entry",
        (
            ("insert into account (id, number, entity_id, kind, unit, name, balance, seq, min_balance, max_balance)"
            " values ('{id}', '{fresh}', '{id}', 'member', 'CR', 'x', 100, 1, 0, 1000)"),
        ),
        ("zero_sum", "empty_accounts", "limits_history"),
        "account {fresh} has a balance",
        (),
    ),
    Fault(
        "unbalanced legs",
        ("update entry set amount = amount - 1 where amount = -1000",),
        ("legs", "chain_of_balances", "proof"),
        "the entries of transfer",
        ("baker", "smith"),
    ),
    Fault(
        "a gap in the numbers of an account's entries",
        ("delete from entry where amount = -1000",),
        ("legs", "chain_of_balances", "proof"),
        "does not follow from the one before",
        ("baker", "smith"),
    ),
    Fault(
        "a reservation without a proposal",
        ("update account set held_out = held_out + 1 where number = '{baker}'",),
        ("holds",),
        "account {baker} holds 251",
    ),
    Fault("a hold dropped", ("delete from hold",), ("holds", "unresolved"), "has neither an outcome"),
    Fault(
        "outside the limits",
        (
            "alter table account drop constraint account_within_limits",
            "update account set max_balance = 0 where number = '{smith}'",
        ),
        ("limits", "guards", "limits_history"),
        "account {smith} is outside",
        ("smith",),
    ),
    Fault(
        "limits without history",
        ("update account set max_balance = max_balance + 1 where number = '{baker}'",),
        ("limits_history",),
        "the limits of account {baker}",
    ),
    Fault(
        "a changed header",
        ("update transfer set description = 'rent' where amount = 1000",),
        ("headers", "proof"),
        "the header of transfer",
        ("baker", "smith"),
    ),
    Fault(
        "an outcome without entries",
        ("update resolution set kind = 'completed' where kind = 'rejected'",),
        ("outcomes",),
        "is completed with 0 entries",
        ("baker", "smith"),
    ),
    Fault(
        "an orphan",
        (
            NEW_ENTRY + "select account_id, 99, '{id}', 5, 5, at from entry e join account a on a.id = e.account_id"
            " where a.number = '{baker}' limit 1",
        ),
        ("orphans", "legs"),
        "entry 99 of account {baker} belongs to no transfer",
    ),
    Fault("a trigger switched off", ("alter table entry disable trigger entry_balanced",), ("guards",),
          "trigger entry.entry_balanced is not as it was set", (), guarded=True),
    Fault("a trigger dropped", ("drop trigger entry_balanced on entry",), ("guards",),
          "trigger entry.entry_balanced is gone", (), guarded=True),
    Fault("a trigger added", ("create trigger mine before insert on entry execute function refuse_change()",),
          ("guards",), "trigger entry.mine was not there", (), guarded=True),
    Fault("a function replaced", (("create or replace function posting_lock() returns bigint language sql immutable"
          " parallel safe as $x$ select 0::bigint $x$"),), ("guards",), "function posting_lock() is not as", (),
          guarded=True),
    Fault("a function that no longer guards its path", ("alter function refuse_change() security definer",),
          ("guards",), "function refuse_change() is not as", (), guarded=True),
    Fault("a constraint dropped", ("alter table resolution drop constraint resolution_pkey",), ("guards",),
          "constraint resolution.resolution_pkey is gone", (), guarded=True),
    Fault("a not-null dropped", ("alter table transfer alter body_hash drop not null",), ("guards",),
          "column transfer.body_hash is not as", (), guarded=True),
    Fault("a right granted on a table", ("grant insert on entry to mccs_ledger_service",), ("guards",),
          "right on entry is not as", (), guarded=True),
    Fault("a right granted to everybody", ("grant delete on hold to public",), ("guards",), "right on hold", (),
          guarded=True),
    Fault("a right granted on a column", ("grant update (balance) on account to mccs_ledger_service",), ("guards",),
          "right on columns of account was not there", (), guarded=True),
    Fault("a right granted on a function", ("grant execute on function set_guards() to mccs_ledger_service",),
          ("guards",), "right to call set_guards() is not as", (), guarded=True),
    Fault("rows hidden", ("alter table entry enable row level security",), ("guards",), "table entry is not as", (),
          guarded=True),
    Fault("inserts swallowed", ("create rule none as on insert to resolution do instead nothing",), ("guards",),
          "rule resolution.none was not there", (), guarded=True),
]  # fmt: skip


async def test_every_fault_is_found_named_told_once_and_freezes(books: Books) -> None:
    baker, smith = await filled(books)
    names = {"baker": baker.number, "smith": smith.number}
    missed: dict[str, object] = {}
    for fault in FAULTS:
        values = names | {"id": new_id(), "fresh": "1111111111111117"}
        async with books.tampered() as connection:
            tables = () if fault.guarded else ("entry", "account", "transfer", "resolution", "hold")
            for statement in [*(OFF.format(t) for t in tables), *fault.sql, *(ON.format(t) for t in tables)]:
                await connection.execute(statement.format(**values))
            auditor = auditor_of(books, connection)
            found = await auditor.whole()
            told = await connection.fetch("select data from outbox where type = 'ledger.books.broken.v1'")
            frozen = {row["number"] for row in await connection.fetch("select number from account where frozen")}
            again = await auditor.whole()
            told_again = await connection.fetchval("select count(*) from outbox where type = 'ledger.books.broken.v1'")
        wrong = {
            "checks": set(fault.checks) - {one.check for one in found},
            "named": not any(fault.named.format(**values) in one.detail for one in found),
            "told": len(told) != len(found) or told_again != len(told) or len(again) != len(found),
            "frozen": {names[who] for who in fault.whom} - frozen,
        }
        if any(wrong.values()):
            missed[fault.name] = (wrong, found)
    assert missed == {}
    assert await auditor_of(books).whole() == []


async def test_a_broken_account_is_frozen_shown_and_free_again_only_when_it_is_repaired(books: Books) -> None:
    node = books.node
    baker, smith = await filled(books)
    tailor, potter = await node.member("Tailor"), await node.member("Potter")
    await node.owner.execute("alter table account disable trigger user")
    await node.owner.execute("update account set balance = balance + 5 where number = $1", baker.number)
    await node.owner.execute("alter table account enable trigger user")

    status, state = await node.call("POST", "/audit", "operator")
    assert (status, state["ok"]) == (200, False)
    assert {fault["check"] for fault in state["faults"]} == {"zero_sum", "newest_entry"}
    assert (await node.call("GET", "/audit", "admin"))[1]["faults"] == state["faults"]
    told = [data for type_, data in await node.told() if type_ == "ledger.books.broken.v1"]
    assert [one["account_numbers"] for one in told] == [[], [baker.number]]

    status, refusal = await node.propose(baker, smith, 5)
    assert (status, refusal["errors"][0]["code"]) == (409, "account_frozen")
    status, refusal = await node.propose(smith, baker, 5)
    assert refusal["errors"][0]["code"] == "account_frozen"
    assert (await node.pay(tailor, potter, 5))["status"] == "completed"  # nobody else waits

    [named] = [fault["id"] for fault in state["faults"] if fault["numbers"]]
    clearance = {"reason": "balance put back to its entries"}
    path = f"/audit/faults/{named}/clearance"
    assert (await node.call("POST", path, baker.token, clearance))[0] == 403
    assert (await node.call("POST", path, "gateway", clearance))[0] == 403
    status, refusal = await node.call("POST", path, "operator", clearance)
    assert (status, refusal["errors"][0]["code"]) == (409, "still_broken")

    await node.owner.execute("alter table account disable trigger user")
    await node.owner.execute("update account set balance = balance - 5 where number = $1", baker.number)
    await node.owner.execute("alter table account enable trigger user")
    for fault in state["faults"]:
        who = "operator" if fault["id"] == named else "admin"
        status, after = await node.call("POST", f"/audit/faults/{fault['id']}/clearance", who, clearance)
        assert status == 200, after
    assert after["ok"]
    lines = [
        data for kind, data in await node.told() if kind == AuditRecordedV1.TYPE and data["subject_kind"] == "fault"
    ]
    assert [line["subject_id"] for line in lines] == [str(fault["id"]) for fault in state["faults"]]
    [line, of_admin] = sorted(lines, key=lambda line: line["subject_id"] != str(named))
    assert (of_admin["category"], of_admin["actor_id"]) == ("admin", node.verifier.people["admin"].id)
    assert (line["category"], line["actor_id"], line["action"]) == ("system", None, "fault.cleared")
    assert line["before"]["frozen_accounts"] == [baker.number]
    assert line["after"] == {"reason": clearance["reason"], "frozen_accounts": []}
    assert AuditRecordedV1.model_validate(line).detail.endswith(clearance["reason"])
    assert (await node.call("POST", path, "operator", clearance))[0] == 404
    assert (await node.call("POST", "/audit", "operator"))[1]["ok"]
    assert (await node.pay(baker, smith, 5))["status"] == "completed"


async def test_only_those_who_may_look_into_the_books(books: Books) -> None:
    baker, _ = await filled(books)
    books.node.verifier.people["watch"] = Principal("user", "watch-user", role="operator", session_id="s")
    for method, status in (("GET", 200), ("POST", 403)):
        assert (await books.node.call(method, "/audit", "watch"))[0] == status, "an operator only reads"
    for method in ("GET", "POST"):
        assert (await books.node.call(method, "/audit", baker.token))[0] == 403
        assert (await books.node.call(method, "/audit"))[0] == 401
        assert (await books.node.call(method, "/audit", "admin"))[0] == 200


async def test_a_running_node_seals_and_finds_what_is_wrong_within_seconds(whole_node: Node) -> None:
    async with books_of(whole_node) as books:
        baker, smith = await whole_node.member(), await whole_node.member()
        await whole_node.pay(baker, smith, 5)

        async def sealed() -> bool:
            return (await books.blocks.last())[0] == 1

        await eventually(sealed, within_s=10)
        await whole_node.owner.execute("alter table account disable trigger user")
        await whole_node.owner.execute("update account set balance = balance + 5 where number = $1", baker.number)

        async def told() -> bool:
            return "ledger.books.broken.v1" in await whole_node.told_types()

        await eventually(told, within_s=10)


async def test_each_minute_what_was_booked_since_is_checked_and_the_whole_once_a_day(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor_module, "CHANGED_EVERY_S", 0.0)
    monkeypatch.setattr(auditor_module, "SUMS_EVERY_S", 0.01)
    await filled(books)
    auditor = auditor_of(books)
    running = asyncio.create_task(auditor.keep_checking())
    try:

        async def both_ran() -> bool:
            runs = (await auditor.store.state())["runs"]
            return {"sums", "full", "changed"} <= set(runs)

        await eventually(both_ran, within_s=20)
        full_at = (await auditor.store.state())["runs"]["full"]["at"]
        assert not await auditor.store.whole_is_due(86_400)
        assert await auditor.store.whole_is_due(0)
        assert (await auditor.store.state())["runs"]["full"]["at"] == full_at
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_checks_of_each_second_stay_cheap_with_many_accounts(books: Books) -> None:
    """A hundred times less time than there is between two of them, however the machine is loaded: see the bench."""
    owner = books.node.owner
    await owner.execute("alter table account disable trigger user")
    await owner.execute(
        "insert into account (id, number, entity_id, kind, unit, name, min_balance, max_balance)"
        " select gen_random_uuid(), lpad(i::text, 16, '0'), gen_random_uuid(), 'member', 'CR', 'x', 0, 1000"
        " from generate_series(1, 100000) i"
    )
    await owner.execute("alter table account enable trigger user")
    await owner.execute("analyze account")
    auditor = auditor_of(books)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert await auditor.sums() == []
        took.append(time.perf_counter() - began)
    assert min(took) < 0.2, took
