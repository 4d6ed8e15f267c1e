"""Sealed blocks name what was changed behind the ledger's back; a member's statement is checked offline."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from services.ledger.chain import root_of, statement_digest
from services.ledger.service import sealer
from services.ledger.service.sealer import OtherKey, seal, verify
from services.ledger.signing import LedgerKeys
from services.ledger.statement_proof import Verdict
from services.ledger.statement_proof import verify as check_offline
from services.ledger.store.blocks import Blocks
from services.ledger.tests.books import Books, as_pool, books_of
from services.ledger.tests.conftest import Member, Node

BLOCK = 4


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "BLOCK_MAX", BLOCK)


@pytest_asyncio.fixture
async def books(node: Node) -> AsyncIterator[Books]:
    async with books_of(node) as made:
        yield made


async def filled(books: Books) -> tuple[Member, Member]:
    """Two members and seven sealed payments: 14 entries in blocks of 4, 4, 4 and 2."""
    baker, smith = await books.node.member("Bakery"), await books.node.member("Smithy")
    for amount in (100, 200, 300, 400, 500, 600, 700):
        await books.node.pay(baker, smith, amount)
    assert await books.seal() == 14
    return baker, smith


async def test_everything_booked_is_sealed_once_in_blocks_that_follow_from_each_other(books: Books) -> None:
    await filled(books)
    found = [block async for block in books.blocks.walk(at_once=2)]
    assert [block.n for block in found] == [1, 2, 3, 4]
    assert [block.count for block in found] == [4, 4, 4, 2]
    assert all(block.root == root_of(block.leaves) for block in found)
    assert [block.previous_hash for block in found] == [bytes(32), *[block.hash for block in found[:-1]]]
    assert await books.seal() == 0
    assert await verify(books.blocks, books.keys) == []
    positions = [pos for (pos,) in await books.node.owner.fetch("select pos from entry order by pos")]
    assert [block.n for block in await books.blocks.holding([positions[0], positions[-1]])] == [1, 4]


@pytest.mark.parametrize("at_once", [1, 3])
async def test_two_sealers_at_once_seal_everything_once(books: Books, at_once: int) -> None:
    baker, smith = await books.node.member(), await books.node.member()
    for amount in range(1, 6):
        await books.node.pay(baker, smith, amount)
    await books.node.ledger.drain()
    await asyncio.gather(*[books.seal() for _ in range(at_once)])
    await books.seal()
    assert sum([block.count async for block in books.blocks.walk()]) == 10
    assert await verify(books.blocks, books.keys) == []


async def test_what_is_under_way_is_sealed_with_the_next_block(books: Books) -> None:
    """A posting that took its positions and has not committed holds the sealer up: no gap is ever sealed over."""
    baker, smith = await books.node.member(), await books.node.member()
    await books.node.pay(baker, smith, 5)
    held = books.node.owner.transaction()
    await held.start()
    await books.node.owner.execute("select pg_advisory_xact_lock_shared(posting_lock())")
    sealing = asyncio.create_task(books.seal())
    try:
        done, _ = await asyncio.wait([sealing], timeout=0.2)
        assert not done
    finally:
        await held.rollback()
    assert await sealing == 2


NTH = "(select pos from entry order by pos offset {} limit 1)"
TAMPERINGS = {
    "amount": (f"update entry set amount = amount + 1 where pos = {NTH.format(5)}", "is not what block 2 sealed"),
    "moment": (f"update entry set at = at - interval '1 s' where pos = {NTH.format(0)}", "is not what block 1 sealed"),
    "account": (
        (
            f"update entry set account_id = (select id from account where id <> entry.account_id limit 1), seq = 99 "
            f"where pos = {NTH.format(9)}"
        ),
        "is not what block 3 sealed",
    ),
    "description": (
        f"update transfer set description = 'rent' where id = (select transfer_id from entry where pos = {NTH.format(13)})",
        "is not what block 4 sealed",
    ),
    "deleted": (f"delete from entry where pos = {NTH.format(6)}", "an entry that block 2 sealed is gone, after pos"),
    "last deleted": (
        f"delete from entry where pos = {NTH.format(13)}",
        "an entry that block 4 sealed is gone, after pos",
    ),
    "transfer and entries deleted": (
        f"delete from entry where transfer_id = (select transfer_id from entry where pos = {NTH.format(0)})",
        "an entry that block 1 sealed is gone, from pos",
    ),
    "inserted below": (
        (
            "insert into entry (account_id, seq, transfer_id, amount, balance_after, at, pos) "
            f"select account_id, 77, transfer_id, 1, 1, at, -5 from entry where pos = {NTH.format(5)}"
        ),
        "was added to what block 1 sealed",
    ),
    "block's root": ("update block set merkle_root = sha256('x') where n = 2", "block 2 was changed"),
    "block's leaves": ("update block set leaves = set_byte(leaves, 3, 9) where n = 3", "block 3 was changed"),
    "block's signature": ("update block set signature = sha512('x') where n = 3", "block 3 is not signed with"),
    "block's bound": ("update block set upto_pos = upto_pos + 1 where n = 4", "block 4 was changed"),
    "block gone": ("delete from block where n = 2", "block 3 does not follow from block 1"),
    "first block gone": ("delete from block where n = 1", "block 2 does not follow from block 0"),
}


async def test_whatever_is_changed_below_a_sealed_bound_is_named(books: Books) -> None:
    await filled(books)
    missed = {}
    for name, (statement, named) in TAMPERINGS.items():
        async with books.tampered(statement) as connection:
            found = await verify(Blocks(as_pool(connection)), books.keys)
        if len(found) != 1 or named not in found[0].detail:
            missed[name] = found
    assert missed == {}
    assert await verify(books.blocks, books.keys) == []


async def test_a_broken_row_is_named_with_its_account_and_transfer(books: Books) -> None:
    baker, _ = await filled(books)
    row = await books.node.owner.fetchrow(
        "select e.* from entry e join account a on a.id = e.account_id where a.number = $1 and e.seq = 3", baker.number
    )
    assert row is not None
    async with books.tampered(f"update entry set amount = -1 where pos = {row['pos']}") as connection:
        [fault] = await verify(Blocks(as_pool(connection)), books.keys)
    assert fault.numbers == (baker.number,)
    for part in ("entry 3", baker.number, f"pos {row['pos']}", row["transfer_id"]):
        assert part in fault.detail


async def test_nobody_seals_on_with_another_key(books: Books) -> None:
    await filled(books)
    other = LedgerKeys.of("another secret")
    with pytest.raises(OtherKey):
        await seal(books.blocks, other)
    [fault] = await verify(books.blocks, other)
    assert "block 1 is not signed with this ledger's key" in fault.detail
    assert fault.numbers == ()  # a wrong setting freezes nobody


async def test_a_statement_is_checked_offline_as_json_and_as_pdf(books: Books) -> None:
    baker, _ = await filled(books)
    for ending in ("json", "pdf"):
        content = await books.statement(baker, ending)
        verdict = check_offline(content, public_key=books.keys.public)
        assert verdict.holds, verdict
        assert baker.number in verdict.sentence
        assert "7 lines" in verdict.sentence
        assert "from 0.00 to -28.00" in verdict.sentence
        assert len(verdict.lines) == 7
        assert "-7.00" in verdict.lines[-1]
    status, key = await books.node.call("GET", "/proof/key", baker.token)
    assert (status, key) == (200, {"public_key": books.keys.public})


async def test_any_changed_byte_is_refused(books: Books) -> None:
    baker, _ = await filled(books)
    content = await books.statement(baker)
    wrong = []
    for at in range(0, len(content), 7):  # every seventh of some thousands
        changed = bytearray(content)
        changed[at] = ord("7") if changed[at] != ord("7") else ord("3")
        if check_offline(bytes(changed)).holds:
            wrong.append(at)
    assert wrong == []
    assert not check_offline(content[:-1]).holds
    assert not check_offline(content + b"x").holds


async def test_whatever_is_changed_in_a_statement_is_refused_also_under_a_new_signature(books: Books) -> None:
    """Whoever had the signing key alone could still not change a line: the sealed blocks refuse it."""
    baker, smith = await filled(books)
    whole = json.loads(await books.statement(baker))
    others = json.loads(await books.statement(smith))

    def judged(change: Callable[[dict[str, Any]], object]) -> Verdict:
        proof = json.loads(json.dumps(whole))
        change(proof)
        proof["signature"] = b64encode(books.keys.sign(statement_digest(proof))).decode()
        return check_offline(json.dumps(proof, separators=(",", ":")).encode())

    assert judged(lambda _: None).holds

    def set_in(*path: Any) -> Callable[[dict[str, Any]], object]:
        *way, last, value = path

        def change(proof: Any) -> None:
            for step in way:
                proof = proof[step]
            proof[last] = value

        return change

    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "amount": set_in("entries", 2, "entry", "amount_minor", -1),
        "text": set_in("entries", 2, "entry", "transfer", "description", "rent"),
        "salt": set_in("entries", 2, "salt", "00" * 32),
        "index": set_in("entries", 2, "index", 3),
        "path": lambda p: p["entries"][2]["path"].reverse(),
        "no path": lambda p: p["entries"][2]["path"].clear(),
        "opening": set_in("opening_balance_minor", 5),
        "closing": set_in("closing_balance_minor", 5),
        "line left out": lambda p: p["entries"].pop(3),
        "lines turned": lambda p: p["entries"].reverse(),
        "line twice": lambda p: p["entries"].append(p["entries"][-1]),
        "another's line": lambda p: p["entries"].append(others["entries"][-1]),
        "account": set_in("account", smith.number),
        "block's count": set_in("blocks", 0, "count", 5),
        "block's root": set_in("blocks", 0, "root", "00" * 32),
        "block's hash": set_in("blocks", 0, "hash", "00" * 32),
        "block's signature": set_in("blocks", 0, "signature", b64encode(bytes(64)).decode()),
        "block left out": lambda p: p["blocks"].pop(0),
        "another's key": set_in("public_key", LedgerKeys.of("another").public),
        "number": set_in("blocks", 0, "n", -1),
        "fraction": set_in("blocks", 0, "count", 4.0),
        "nothing": lambda p: p.clear(),
        "kind of a field": set_in("entries", "x"),
    }
    held = {name: judged(change).sentence for name, change in changes.items() if judged(change).holds}
    assert held == {}


async def test_another_ledgers_statement_is_refused_where_a_key_is_given(books: Books) -> None:
    baker, _ = await filled(books)
    verdict = check_offline(await books.statement(baker), public_key=LedgerKeys.of("another").public)
    assert not verdict.holds
    assert "another ledger's key" in verdict.sentence


async def test_nobody_elses_entries_are_in_a_statement(books: Books) -> None:
    baker, smith = await filled(books)
    tailor = await books.node.member("Tailor")
    await books.node.pay(tailor, smith, 12345)
    await books.seal()
    content = await books.statement(baker)
    proof = json.loads(content)
    assert {line["entry"]["account"] for line in proof["entries"]} == {baker.number}
    assert tailor.number.encode() not in content
    assert b"12345" not in content
    assert (await books.get(f"/accounts/{baker.entity_id}/statement.json", tailor.token))[0] == 403


async def test_lines_that_are_not_sealed_yet_are_said_and_not_proven(books: Books) -> None:
    baker, smith = await filled(books)
    await books.node.pay(baker, smith, 50)
    for ending in ("json", "pdf"):
        verdict = check_offline(await books.statement(baker, ending))
        assert verdict.holds
        assert "7 lines" in verdict.sentence
        assert "The newest 1 were not sealed yet" in verdict.sentence


async def test_a_range_without_lines_tells_the_balance_of_that_time(books: Books) -> None:
    baker, _ = await filled(books)
    early = json.loads(await books.statement(baker, date_to="2020-01-01T00:00:00Z"))
    assert (early["opening_balance_minor"], early["closing_balance_minor"], early["entries"]) == (0, 0, [])
    late = await books.statement(baker, date_from="2090-01-01T00:00:00Z", date_to="2091-01-01T00:00:00Z")
    assert json.loads(late)["closing_balance_minor"] == -2800
    assert "0 lines, balance from -28.00 to -28.00" in check_offline(late).sentence


async def test_no_statement_is_signed_from_books_that_were_changed(books: Books) -> None:
    baker, _ = await filled(books)
    owner = books.node.owner
    await owner.execute("alter table entry disable trigger user")
    await owner.execute("update entry set amount = amount - 1 where seq = 2 and amount < 0")
    await owner.execute("alter table entry enable trigger user")
    status, body = await books.get(f"/accounts/{baker.entity_id}/statement.json", baker.token)
    assert status == 409
    assert b"books_broken" in body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7 nothing",
        b'{"format":"mccs-statement-1"',
        b'{"format":"mccs-statement-1"}',
        b'{"format":"mccs-statement-1","x":' + b"[" * 100_000,
        b'{"format":"mccs-statement-1","x":' + b"9" * 10_000 + b"}",
        b'{"format":"mccs-statement-1","public_key":5}',
        b'{"format":"mccs-statement-1","public_key":"AAAA","blocks":[],"entries":[]}',
    ],
)
def test_a_file_that_is_no_statement_is_refused_with_a_sentence(content: bytes) -> None:
    verdict = check_offline(content)
    assert not verdict.holds
    assert verdict.sentence.startswith("This statement does not hold: ")
