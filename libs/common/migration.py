"""Brings a database up to its service's code: Alembic, without an `env.py` in every service.

A migration is a file with `revision`, `down_revision` and `upgrade()`; `op.execute` takes plain SQL, several statements
and colons included. All migrations of one start are one transaction.
"""

import ast
from pathlib import Path
from typing import Any, cast

import asyncpg

from libs.common.database import connect, place
from libs.common.service import StartRefused

LOCK_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 600.0
_ONE_AT_A_TIME = 7_244_633


class TooNew(StartRefused):
    """The database was migrated by a newer version of the program."""


async def migrate(url: str, folder: Path, name: str, *, connect_timeout_s: float = 30.0) -> bool:
    """Applies what is missing of the migrations in `folder` (or its `versions`) to the database at `url`.

    Returns whether anything was done; at the head already it costs one query. Raises TooNew, or StartRefused where a
    lock is not to be had or a migration fails. Several processes may call it at once.
    """
    known = revisions(folder)
    connection = await connect(
        url,
        statement_timeout_s=STATEMENT_TIMEOUT_S,
        lock_timeout_s=LOCK_TIMEOUT_S,
        connect_timeout_s=connect_timeout_s,
    )
    try:
        there = await _stored(connection)
        if there is not None and there not in known:
            raise TooNew(
                f"The database of {name} ({place(url)}) was written by a newer version (revision {there}): "
                f"install that version, or restore a backup made by this one."
            )
        if there == _head(known, name):
            return False
    finally:
        await connection.close()
    await _upgrade(url, folder, name)
    return True


def revisions(folder: Path) -> dict[str, str | None]:
    """The migrations in a folder without running them: revision to its down revision."""
    found: dict[str, str | None] = {}
    for path in sorted(_versions(folder).glob("*.py")):
        given = {
            target.id: node.value.value
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        if "revision" in given:
            found[str(given["revision"])] = cast("str | None", given.get("down_revision"))
    return found


def _versions(folder: Path) -> Path:
    return folder / "versions" if (folder / "versions").is_dir() else folder


def _head(known: dict[str, str | None], name: str) -> str:
    heads = set(known) - set(known.values())
    if len(heads) != 1:
        raise StartRefused(f"The migrations of {name} must end in one revision, they end in {sorted(heads) or 'none'}.")
    return heads.pop()


async def _stored(connection: Any) -> str | None:
    if not await connection.fetchval("select to_regclass('alembic_version')"):
        return None
    stored: str | None = await connection.fetchval("select max(version_num) from alembic_version")
    return stored


async def _upgrade(url: str, folder: Path, name: str) -> None:
    # Alembic and SQLAlchemy cost half a second to import: only where there is something to do
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def creator() -> Any:
        return await asyncpg.connect(
            url,
            timeout=30,
            server_settings={
                "application_name": f"mccs migrate {name}",
                "lock_timeout": str(int(LOCK_TIMEOUT_S * 1000)),
                "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
            },
        )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run, _versions(folder))
    except (DBAPIError, asyncpg.PostgresError) as fault:
        reason = str(getattr(fault, "orig", fault)).splitlines()[0]
        raise StartRefused(f"The database of {name} ({place(url)}) could not be migrated: {reason}.") from fault
    finally:
        await engine.dispose()


def _run(connection: Any, versions: Path) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import text

    connection.execute(text("set local lock_timeout = 0"))
    connection.execute(text(f"select pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
    connection.execute(text(f"set local lock_timeout = {int(LOCK_TIMEOUT_S * 1000)}"))
    script = ScriptDirectory(str(versions), version_locations=[str(versions)])
    environment = EnvironmentContext(
        Config(),
        script,
        fn=lambda revision, _: script._upgrade_revs("head", cast("Any", revision)),  # noqa: SLF001  as alembic.command.upgrade does
    )
    with environment:
        environment.configure(connection=connection)
        driver = connection.connection.dbapi_connection

        def run_script(sql: Any, execution_options: Any = None) -> None:
            """Plain SQL goes to the server as it stands: the ORM's layer would read `:name` and one statement only."""
            if isinstance(sql, str):
                driver.run_async(lambda raw: raw.execute(sql))
            else:
                connection.execute(sql)

        environment.get_context().impl.execute = run_script  # type: ignore[method-assign]
        environment.run_migrations()
