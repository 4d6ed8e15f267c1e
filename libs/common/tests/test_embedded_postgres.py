"""The embedded PostgreSQL: private, durable, gone with its program, and taken over after a crash."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.common.embedded_postgres import EmbeddedPostgres, binary
from libs.common.service import StartRefused
from libs.common.testing import eventually

ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture
async def server(tmp_path):
    made = EmbeddedPostgres(tmp_path / "node" / "postgres", durable=False)
    yield made
    await made.stop()


async def query(url, sql):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_it_comes_up_empty_and_comes_back_with_what_was_kept(server):
    await server.start()
    await server.ensure("ledger", "ledger_owner", "ledger")
    await query(server.url("ledger", "ledger_owner"), "create table kept (x int)")
    await server.stop()
    assert not server.is_running
    await server.start()
    await server.ensure("ledger", "ledger_owner", "ledger")
    assert await query(server.url("ledger", "ledger"), "select count(*) from kept") == 0
    assert await query(server.url("ledger"), "show server_encoding") == "UTF8"
    assert await query(server.url("ledger"), "show listen_addresses") == ""


async def test_a_service_may_write_what_its_owner_made_and_enter_no_other_database(embedded_postgres):
    server = embedded_postgres
    await server.ensure("open_books", "open_owner", "open_service")
    await server.ensure("closed_books", "closed_owner", "closed_service", grants=False)
    await query(server.url("open_books", "open_owner"), "create table users (x int)")
    await query(server.url("closed_books", "closed_owner"), "create table entry (x int)")
    await query(server.url("open_books", "open_service"), "insert into users values (1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(server.url("open_books", "open_service"), "drop table users")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(server.url("closed_books", "closed_service"), "insert into entry values (1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(server.url("closed_books", "open_service"), "select 1")


def test_nobody_else_gets_at_the_socket_or_the_data(embedded_postgres):
    for folder in (embedded_postgres.socket_folder, embedded_postgres.data):
        assert folder.stat().st_mode & 0o077 == 0


async def test_a_long_path_gets_a_socket_elsewhere(tmp_path):
    server = EmbeddedPostgres(tmp_path / ("long" * 30), durable=False)
    assert len(str(server.socket_folder)) < 80
    await server.start()
    assert await query(server.url("postgres"), "select 1") == 1
    await server.stop()
    assert not server.socket_folder.exists()


async def test_a_socket_folder_that_is_somebody_elses_is_not_entered(tmp_path):
    server = EmbeddedPostgres(tmp_path / ("long" * 30), durable=False)
    server.socket_folder.symlink_to(tmp_path)
    try:
        with pytest.raises(StartRefused, match="belongs to somebody else"):
            await server.start()
    finally:
        server.socket_folder.unlink()


async def test_data_of_another_version_are_refused_in_a_sentence(server):
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(StartRefused, match=r"PostgreSQL 15.*brings PostgreSQL 18"):
        await server.start()


async def test_an_interrupted_first_start_is_begun_again(server):
    half = server.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    await server.start()
    assert server.is_running


async def test_a_file_in_the_way_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartRefused, match="cannot be made"):
        await EmbeddedPostgres(tmp_path / "file" / "postgres").start()


async def test_a_mark_left_by_a_crash_whose_number_another_process_has_now_is_no_hindrance(server):
    await server.start()
    await server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    await server.start()
    assert server.is_running


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has nothing to give up")
async def test_where_a_container_forbids_namespaces_root_runs_it_as_another_user(server, monkeypatch):
    monkeypatch.setattr(EmbeddedPostgres, "_can_enter_namespace", lambda _: False)
    await server.start()
    owner = _owner(server._process.pid)
    assert owner != 0
    assert server.data.stat().st_uid == owner
    await server.ensure("ledger", "ledger_owner", "ledger")
    await server.stop()
    await server.start()
    assert await query(server.url("ledger", "ledger"), "select 1") == 1


async def test_a_folder_goes_from_one_kind_of_root_to_the_other_and_back(server, monkeypatch):
    await server.start()
    await server.stop()
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedPostgres, "_can_enter_namespace", lambda _: False)
        await server.start()
        await server.stop()
    await server.start()
    assert await query(server.url("postgres"), "select 1") == 1


_PROGRAM = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from libs.common.embedded_postgres import EmbeddedPostgres

    async def main():
        server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
        await server.start()
        print(server._process.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
""")


def _program(folder):
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )


def _owner(pid):
    return Path(f"/proc/{pid}").stat().st_uid


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


async def test_when_its_program_is_killed_it_ends_too(server):
    program = _program(server.folder)
    pid = int(await asyncio.to_thread(program.stdout.readline))
    assert _alive(pid)
    program.kill()
    program.wait()
    await eventually(lambda: not _alive(pid), within_s=10)
    program.stdout.close()


async def test_a_server_that_outlived_its_program_is_stopped_by_the_next_start(server):
    program = _program(server.folder)
    pid = int(await asyncio.to_thread(program.stdout.readline))
    os.kill(pid, signal.SIGSTOP)  # it cannot hear that its program died
    program.kill()
    program.wait()
    waking = asyncio.get_running_loop().call_later(0.3, os.kill, pid, signal.SIGCONT)
    await server.start()
    waking.cancel()
    assert server.is_running
    assert not _alive(pid)
    program.stdout.close()


def test_the_wheel_brings_what_backups_and_benches_need():
    for name in ("postgres", "initdb", "pg_basebackup", "pgbench"):
        assert os.access(binary(name), os.X_OK)
