"""The ledger put together by hand: pools by role, writers, routes, relay, consumers, clock."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI

from libs.common.database import BY_INDEX, PLANNED_ONCE, Pool, connect, create_pool, place
from libs.common.inbox import Sweeper
from libs.common.migration import migrate as migrate_database
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.service import Role, StartRefused, Wiring
from libs.common.web import create_app
from services.ledger import consumers
from services.ledger.api import accounts as account_routes
from services.ledger.api import agreements as agreement_routes
from services.ledger.api import audit as audit_routes
from services.ledger.api import imports as import_routes
from services.ledger.api import statement as statement_routes
from services.ledger.api import statement_files as file_routes
from services.ledger.api import transfers as transfer_routes
from services.ledger.api.parse import on_away
from services.ledger.service.auditor import Auditor
from services.ledger.service.clock import keep_time
from services.ledger.service.ledger import Ledger, put_together
from services.ledger.service.sealer import keep_sealing
from services.ledger.service.statement_files import Files
from services.ledger.service.writer import AWAY
from services.ledger.settings import AUDITOR_ROLE, RELAY_ROLE, SERVICE_ROLE, Settings
from services.ledger.signing import LedgerKeys
from services.ledger.store.accounts import Accounts
from services.ledger.store.agreements import Agreements
from services.ledger.store.audit import CHECK_TIMEOUT_S, AuditStore
from services.ledger.store.blocks import Blocks
from services.ledger.store.durability import unsafe_settings
from services.ledger.store.inbox import Heard
from services.ledger.store.postings import Postings
from services.ledger.store.reads import Reads
from services.ledger.store.statements import Statements

NAME = "ledger"
MIGRATIONS = Path(__file__).parent / "migrations"
POSTING_CONNECTIONS_MAX = 6
RELAY_CONNECTIONS_MAX = 3
AUDITOR_CONNECTIONS_MAX = 3
WALKING_CONNECTIONS_MAX = 2
NOTIFY_EVERY_S = 0.01
LOOKING_UP = BY_INDEX | PLANNED_ONCE | {"enable_bitmapscan": "on"}
"""How sessions plan that only look rows up; without bitmaps a session that knows the books well walks the primary key."""

_log = structlog.get_logger(__name__)


async def migrate(settings: Settings) -> None:
    """Brings the database up to date as its owner, and lets the service's login take on the ledger's roles."""
    await migrate_database(settings.owner_url, MIGRATIONS, NAME, connect_timeout_s=settings.connect_timeout_s)
    if settings.login_role:
        connection = await connect(settings.owner_url, connect_timeout_s=settings.connect_timeout_s)
        try:
            await _let_in(connection, settings.login_role)
        finally:
            await connection.close()


async def _let_in(connection: Any, login: str) -> None:
    """Membership without inheriting: the login has a role's rights only while it has taken the role on."""
    known = await connection.fetchrow("select rolsuper from pg_roles where rolname = $1", login)
    if known is None or known["rolsuper"]:
        return
    how = " WITH INHERIT FALSE, SET TRUE" if connection.get_server_version().major >= 16 else ""
    quoted = '"' + login.replace('"', '""') + '"'
    for role in (SERVICE_ROLE, RELAY_ROLE, AUDITOR_ROLE):
        if not await connection.fetchval("select pg_has_role($1, $2, 'MEMBER')", login, role):
            await connection.execute(f"GRANT {role} TO {quoted}{how}")


class LedgerService:
    """The service as `libs.common.service.Service` describes it."""

    name = NAME

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._pools: dict[str, Pool] = {}
        self._relay: Relay | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sweeper: Sweeper | None = None
        self._outbox: PostgresOutbox | None = None
        self._notifying: asyncio.Task[None] | None = None
        self._unsafe: str | None = "the ledger has not started"
        self.ledger: Ledger | None = None
        self.api: FastAPI = create_app(
            NAME, settings, wiring.verifier, {}, {"database": self._database_answers, "durability": self._is_durable}
        )

    async def start(self, role: Role) -> None:
        """Opens the pools, looks whether the server keeps what it commits, begins the work of the role."""
        settings = self._settings
        postings = await self._open("postings", SERVICE_ROLE, POSTING_CONNECTIONS_MAX)
        reads = await self._open("reads", SERVICE_ROLE, settings.database_pool_max, session=LOOKING_UP)
        walks = await self._open("walks", SERVICE_ROLE, WALKING_CONNECTIONS_MAX)
        await self._look_at_durability(reads)
        self.ledger = put_together(
            settings,
            Accounts(
                postings,
                unit=settings.unit,
                min_balance=settings.min_balance_minor,
                max_balance=settings.max_balance_minor,
            ),
            Postings(
                postings,
                reserve=settings.ledger_reserve,
                lifetime_s=settings.proposal_lifetime_s,
                reminder_s=settings.proposal_reminder_s,
            ),
            Agreements(
                postings,
                reserve=settings.ledger_reserve,
                lifetime_s=settings.proposal_lifetime_s,
                reminder_s=settings.proposal_reminder_s,
            ),
            Reads(reads, walks),
            self._told,
        )
        audits = await self._open("audits", AUDITOR_ROLE, AUDITOR_CONNECTIONS_MAX, statement_timeout_s=CHECK_TIMEOUT_S)
        blocks, keys = Blocks(audits), LedgerKeys.of(settings.proof_secret)
        auditor = Auditor(AuditStore(audits), blocks, keys, self._told)
        if role in ("api", "both"):
            self._add_routes(self.ledger, Statements(reads))
            self.api.include_router(audit_routes.routes(auditor))
            files = Files(Blocks(reads), self.ledger.reads, keys)
            self.api.include_router(file_routes.routes(self.ledger, files, self._wiring.clock))
        if role in ("worker", "both"):
            await self._start_worker(self.ledger, postings)
            self._tasks += [
                asyncio.create_task(keep_sealing(blocks, keys)),
                asyncio.create_task(auditor.keep_checking()),
            ]

    async def stop(self) -> None:
        """Ends the work in order; safe to call twice."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        if self._sweeper is not None:
            await self._sweeper.stop()
            self._sweeper = None
        if self._relay is not None:
            await self._relay.stop()
            self._relay = None
        if self._outbox is not None:
            await self._outbox.close()
            self._outbox = None
        if self.ledger is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_timeout_s):
                    await self.ledger.drain()
        if self._notifying is not None:
            await self._notifying
        for pool in self._pools.values():
            await _close(pool, self._settings.stop_timeout_s)
        self._pools.clear()

    def _add_routes(self, ledger: Ledger, statements: Statements) -> None:
        for kind in AWAY:
            self.api.add_exception_handler(kind, on_away)
        agreement_routes.add_routes(self.api, ledger)
        transfer_routes.add_routes(self.api, ledger)
        account_routes.add_lean_reads(self.api, ledger)
        self.api.include_router(account_routes.routes(ledger))
        self.api.include_router(statement_routes.routes(ledger, statements, self._wiring.clock))
        self.api.include_router(import_routes.routes(ledger))

    async def _start_worker(self, ledger: Ledger, postings: Pool) -> None:
        relay_pool = await self._open("relay", RELAY_ROLE, RELAY_CONNECTIONS_MAX)
        settings = self._settings
        self._outbox = PostgresOutbox(relay_pool)
        self._relay = Relay(
            self._outbox,
            self._wiring.bus,
            name=NAME,
            window_max=settings.relay_window_max,
            poll_s=settings.relay_poll_s,
        )
        await self._relay.start()
        self._sweeper = Sweeper(relay_pool)
        await self._sweeper.start()
        heard = Heard(
            postings,
            unit=settings.unit,
            min_balance=settings.min_balance_minor,
            max_balance=settings.max_balance_minor,
        )
        await self._wiring.bus.subscribe(NAME, consumers.handlers(ledger, heard))
        self._tasks.append(asyncio.create_task(keep_time(ledger)))

    async def _open(
        self,
        purpose: str,
        role: str,
        size_max: int,
        *,
        statement_timeout_s: float | None = None,
        session: Mapping[str, str] | None = None,
    ) -> Pool:
        settings = self._settings
        try:
            pool = await create_pool(
                settings.ledger_url,
                role=role,
                size_max=size_max,
                statement_timeout_s=statement_timeout_s or settings.statement_timeout_s,
                connect_timeout_s=settings.connect_timeout_s,
                session=session,
            )
        except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as fault:
            raise StartRefused(
                f"The ledger cannot act as {role} at {place(settings.ledger_url)} ({fault}): "
                f"run `mccs migrate ledger` with MCCS_LEDGER_OWNER_URL set."
            ) from None
        self._pools[purpose] = pool
        return pool

    async def _look_at_durability(self, pool: Pool) -> None:
        self._unsafe = await unsafe_settings(pool)
        if self._unsafe is not None:
            _log.error("not_durable", detail=self._unsafe)
            if self._settings.ledger_accept_unsafe_server:
                self._unsafe = None

    def _told(self) -> None:
        """Wakes the relay: here, or by one NOTIFY for all that was committed within a moment."""
        if self._outbox is not None:
            self._outbox.wake()
        elif self._notifying is None or self._notifying.done():
            self._notifying = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        await asyncio.sleep(NOTIFY_EVERY_S)
        with contextlib.suppress(asyncpg.PostgresError, KeyError, *AWAY):
            await self._pools["reads"].execute("select pg_notify('outbox', '')")

    async def _database_answers(self) -> bool:
        pool = self._pools.get("reads")
        return pool is not None and await pool.fetchval("select true from account_view limit 1", timeout=2) is not False

    async def _is_durable(self) -> bool:
        return self._unsafe is None


async def _close(pool: Pool, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def build(settings: Settings, wiring: Wiring) -> LedgerService:
    """Puts the parts together; connects nowhere."""
    return LedgerService(settings, wiring)
