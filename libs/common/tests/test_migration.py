"""Migrations: applied once, refused when the database is ahead, whole or not at all."""

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from libs.common.migration import TooNew, migrate
from libs.common.service import StartRefused

_HEAD = "from alembic import op\nrevision = {revision!r}\ndown_revision = {down!r}\n\ndef upgrade():\n    op.execute({sql!r})\n"


def _write(folder: Path, revision: str, down: str | None, sql: str) -> Path:
    path = folder / f"{revision}.py"
    path.write_text(_HEAD.format(revision=revision, down=down, sql=sql))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path, "0001", None, "create table a (x text check (x <> ':foo')); insert into a values ('12:30');")
    return tmp_path


async def _query(url: str, sql: str):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_plain_sql_with_colons_and_several_statements_is_applied(postgres, folder):
    assert await migrate(postgres, folder, "x") is True
    assert await _query(postgres, "select x from a") == "12:30"


async def test_at_the_head_nothing_is_done_and_quickly(postgres, folder):
    await migrate(postgres, folder, "x")
    began = time.perf_counter()
    assert await migrate(postgres, folder, "x") is False
    assert time.perf_counter() - began < 0.5


async def test_processes_that_start_at_once_do_not_disturb_each_other(postgres, folder):
    await asyncio.gather(*(migrate(postgres, folder, "x") for _ in range(3)))
    assert await _query(postgres, "select count(*) from a") == 1


async def test_a_database_ahead_of_the_code_is_refused_in_a_sentence(postgres, folder):
    newer = _write(folder, "0002", "0001", "create table b (x int)")
    await migrate(postgres, folder, "x")
    newer.unlink()
    with pytest.raises(TooNew, match="newer version"):
        await migrate(postgres, folder, "x")


async def test_a_failing_migration_leaves_nothing_behind(postgres, folder):
    await migrate(postgres, folder, "x")
    _write(folder, "0002", "0001", "create table b (x int); select no_such_column")
    with pytest.raises(StartRefused, match="no_such_column"):
        await migrate(postgres, folder, "x")
    assert await _query(postgres, "select to_regclass('b')") is None
    assert await _query(postgres, "select version_num from alembic_version") == "0001"


async def test_a_server_that_is_not_there_is_one_sentence(folder):
    with pytest.raises(StartRefused, match="cannot be reached"):
        await migrate("postgresql://nobody@127.0.0.1:1/none", folder, "x", connect_timeout_s=0.2)
