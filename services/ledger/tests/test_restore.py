"""A backup of the books restored elsewhere is the same books: hash of the state, guards, chain, and they go on."""

import asyncio
import os
import shutil

import pytest

from libs.common.database import OwnConnection, connect
from libs.common.embedded_postgres import EmbeddedPostgres, binary
from libs.common.testing.servers import drop_database, make_database
from services.ledger.tests.books import books_of
from services.ledger.tests.conftest import Node, _run
from services.ledger.tests.test_auditor import auditor_of, filled

TABLES = (
    "account",
    "transfer",
    "resolution",
    "hold",
    "entry",
    "limit_change",
    "block",
    "membership",
    "idempotency",
    "outbox",
)


async def state_hash(connection: OwnConnection) -> dict[str, str]:
    """The hash of every row of each table, in an order that does not depend on where rows lie."""
    return {
        table: await connection.fetchval(f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t")
        for table in TABLES
    }


async def program(name: str, *arguments: str, given: bytes | None = None) -> bytes:
    running = await asyncio.create_subprocess_exec(
        name, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    out, errors = await running.communicate(given)
    assert running.returncode == 0, errors.decode()
    return out


@pytest.mark.parametrize("postgres_server", ["embedded"], indirect=True)
async def test_a_restored_backup_has_the_same_state_and_goes_on(
    node: Node, embedded_postgres: EmbeddedPostgres
) -> None:
    async with books_of(node) as books:
        baker, smith = await filled(books)
    before = await state_hash(node.owner)
    server = embedded_postgres.url("postgres")
    dump = await program(str(binary("pg_dump")), "--dbname", node.settings.ledger_url)
    restored = await make_database(server)
    psql = shutil.which(str(binary("pg_dump").with_name("psql")))
    assert psql
    try:
        await program(psql, "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", restored, given=dump)
        copy = await connect(restored)
        try:
            assert await state_hash(copy) == before
        finally:
            await copy.close()
        async for other in _run(restored, "api", {}):
            other.verifier.people |= node.verifier.people
            async with books_of(other) as books:
                assert await auditor_of(books).whole() == []
                assert (await other.pay(baker, smith, 5))["status"] == "completed"
                await books.seal()
                assert await auditor_of(books).whole() == []
    finally:
        await drop_database(server, restored)
