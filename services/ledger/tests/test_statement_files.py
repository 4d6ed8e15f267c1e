"""A statement as a file: CSV in pieces and safe for spreadsheets, a PDF that says what was asked."""

import csv
import io
import re
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from libs.common.money import decimal_text
from services.ledger.service import statement_files
from services.ledger.service.statement_files import Range, defused
from services.ledger.statement_proof import verify as check_offline
from services.ledger.tests.books import Books, books_of
from services.ledger.tests.conftest import Member, Node

COMMUNITY = "Círculo de Crédito"


@pytest.fixture
def settings_changes() -> dict[str, object]:
    return {"node_name": COMMUNITY}


@pytest_asyncio.fixture
async def books(node: Node) -> AsyncIterator[Books]:
    async with books_of(node) as made:
        yield made


async def pair(books: Books, payments: tuple[tuple[int, str], ...]) -> tuple[Member, Member]:
    """Two members; positive amounts go from the first to the second, negative ones back."""
    one, other = await books.node.member("Bäckerei"), await books.node.member("=cmd()")
    for amount, text in payments:
        payer, payee = (one, other) if amount > 0 else (other, one)
        _, proposed = await books.node.propose(payer, payee, abs(amount), text=text)
        assert (await books.node.act("accept", proposed["id"], payee))[0] == 200
    return one, other


async def test_the_csv_has_every_line_with_its_balance_and_no_formula(books: Books) -> None:
    dangerous = ("=1+1", "+1", "-1", "@x", "＝2", 'a "quoted", text')
    baker, smith = await pair(books, tuple((100 * (i + 1), text) for i, text in enumerate(dangerous)))
    content = (await books.statement(baker, "csv")).decode()
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["description"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'＝2", 'a "quoted", text']
    assert {row["counterparty_name"] for row in rows} == {"'=cmd()"}
    assert {row["counterparty_number"] for row in rows} == {smith.number}
    assert {row["gave_or_received"] for row in rows} == {"gave"}
    assert [row["amount"] for row in rows] == [f"-{i}.00" for i in range(1, 7)]
    running = 0
    for row in rows:
        running += round(float(row["amount"]) * 100)
        assert row["balance"] == decimal_text(running)
    assert running == await books.node.balance(baker)


@pytest.mark.parametrize("text", ["=a", " =a", "\t=a", "+a", "-a", "@a", "\ra", "\uff1da", "\uff20a"])
def test_a_text_that_a_spreadsheet_could_run_is_defused(text: str) -> None:
    assert defused(text).startswith("'")
    assert defused("a" + text) == "a" + text


async def test_the_csv_comes_in_pieces_of_a_page_each(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_files, "PAGE", 2)
    baker, _ = await pair(books, tuple((100, f"payment {i}") for i in range(5)))
    files = statement_files.Files(books.blocks, books.node.ledger.reads, books.keys)
    pieces = [piece async for piece in files.csv(baker.entity_id, Range())]
    assert [piece.count(b"\n") for piece in pieces] == [1, 2, 2, 1]
    assert b"".join(pieces) == await books.statement(baker, "csv")


async def test_a_range_of_time_bounds_every_kind_of_file(books: Books) -> None:
    baker, _ = await pair(books, ((100, "one"), (200, "two"), (300, "three")))
    _, statement = await books.node.call("GET", f"/accounts/{baker.entity_id}/statement", baker.token)
    begin, end = statement["items"][1]["at"], "2099-01-01T00:00:00Z"
    assert len((await books.statement(baker, "csv", date_from=begin, date_to=end)).splitlines()) in (2, 3)
    assert len((await books.statement(baker, "csv", date_to="2020-01-01T00:00:00Z")).splitlines()) == 1
    for ending in ("csv", "json", "pdf"):
        status, body = await books.get(
            f"/accounts/{baker.entity_id}/statement.{ending}", baker.token, date_from=end, date_to=begin
        )
        assert (status, b"range_backwards" in body) == (400, True), ending


async def test_a_file_of_too_many_lines_is_refused_and_the_csv_is_not(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    baker, _ = await pair(books, ((100, "one"),))
    await many_lines(books, baker, 5000)
    for ending in ("json", "pdf"):
        status, body = await books.get(f"/accounts/{baker.entity_id}/statement.{ending}", baker.token)
        assert (status, b"range_too_long" in body) == (400, True), ending
    assert len((await books.statement(baker, "csv")).splitlines()) == 5002


async def many_lines(books: Books, who: Member, count: int) -> None:
    """Lines as an owner writes them who switches the guards off: quicker than as many payments."""
    owner = books.node.owner
    await owner.execute("alter table entry disable trigger user")
    await owner.execute(
        "insert into entry (account_id, seq, transfer_id, amount, balance_after, at)"
        " select e.account_id, 1 + i, e.transfer_id, 1, e.balance_after + i, e.at + i * interval '1 ms'"
        " from entry e join account a on a.id = e.account_id, generate_series(1, $2::int) i where a.number = $1",
        who.number,
        count,
    )
    await owner.execute("alter table entry enable trigger user")


async def test_the_pdf_says_whose_it_is_its_lines_and_its_totals(books: Books) -> None:
    baker, smith = await pair(books, ((1000, "bread, brötchen"), (-250, "back"), (2000, "x" * 300)))
    await books.seal()
    content = await books.statement(baker, "pdf")
    [page] = pages_of(content)
    for text in (
        COMMUNITY,
        f"Statement of Bäckerei, account {baker.number}",
        "amounts in CR",
        "gave to =cmd()",
        "received from =cmd()",
        "bread, brötchen",
        "-10.00",
        "2.50",
        "-27.50",
        "30.00 CR",
        "0.00 CR",
        "verify-statement",
    ):
        assert text in page, text
    assert "…" in page  # a long text is cut where its column ends
    assert smith.number not in page
    assert check_offline(content, public_key=books.keys.public).holds


async def test_a_long_pdf_numbers_its_pages(books: Books) -> None:
    baker, _ = await pair(books, tuple((100, f"payment {i}") for i in range(3)))
    owner = books.node.owner
    await owner.execute("alter table entry disable trigger user")
    await owner.execute(
        "delete from entry e using account a where a.id = e.account_id and a.number = $1 and e.seq > 1", baker.number
    )
    await many_lines(books, baker, 99)
    pages = pages_of(await books.statement(baker, "pdf"))
    assert len(pages) == 3
    for number, page in enumerate(pages, 1):
        assert COMMUNITY in page
        # the count is known at the end only, so it is drawn on its own
        assert re.search(rf"Page {number} of \n[^\n]*\n3\n", page)


async def test_another_members_file_is_not_given_out(books: Books) -> None:
    baker, smith = await pair(books, ((100, "one"),))
    for ending in ("csv", "json", "pdf"):
        path = f"/accounts/{baker.entity_id}/statement.{ending}"
        assert (await books.get(path, smith.token))[0] == 403
        assert (await books.get(path, "admin"))[0] == 200


def pages_of(content: bytes) -> list[str]:
    """The text of each page, by the fonts' own tables of characters; enough of a reader for what fpdf2 writes."""
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    streams = []
    # a compressed stream may itself end in a carriage return
    for found in re.finditer(rb"stream\r?\n(.*?)\nendstream", content, re.DOTALL):
        try:
            streams.append(zlib.decompressobj().decompress(found[1]))
        except zlib.error:
            streams.append(found[1])
    maps = [characters(stream) for stream in streams if b"beginbfchar" in stream or b"beginbfrange" in stream]
    drawn = [stream for stream in streams if b" Tj" in stream]
    return ["\n".join(shown(stream, maps)) for stream in drawn]


def characters(table: bytes) -> dict[int, str]:
    found = {int(code, 16): bytes.fromhex(to.decode()).decode("utf-16-be")
             for code, to in re.findall(rb"^<(\w+)> <(\w+)>$", table, re.MULTILINE)}  # fmt: skip
    for first, last, to in re.findall(rb"^<(\w+)> <(\w+)> <(\w+)>$", table, re.MULTILINE):
        for step in range(int(last, 16) - int(first, 16) + 1):
            found[int(first, 16) + step] = chr(int(to, 16) + step)
    return found


def shown(stream: bytes, maps: list[dict[int, str]]) -> list[str]:
    texts = []
    for raw in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", stream, re.DOTALL):
        plain = re.sub(rb"\\(.)", lambda m: {b"r": b"\r", b"n": b"\n"}.get(m[1], m[1]), raw, flags=re.DOTALL)
        codes = [int.from_bytes(plain[i : i + 2], "big") for i in range(0, len(plain), 2)]
        texts += ["".join(each.get(code, "") for code in codes) for each in maps]
    return texts
