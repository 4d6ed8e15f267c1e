"""Identity put together by hand: pool, hashing threads, keys, routes, relay, consumers."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI

from libs.common.auth import Principal
from libs.common.clock import Clock, utc_now
from libs.common.contracts.identity import KeysRotatedV1
from libs.common.database import Pool, create_pool
from libs.common.envelope import Envelope
from libs.common.inbox import Sweeper
from libs.common.migration import migrate as migrate_database
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.service import Role, StartRefused, Wiring
from libs.common.web import create_app
from services.identity import consumers
from services.identity.api import people, secrets, sessions, users
from services.identity.api.errors import add_errors, refusal_of
from services.identity.common_passwords import common_passwords
from services.identity.domain.errors import IdentityError
from services.identity.domain.passwords import Common
from services.identity.hashing import Hasher
from services.identity.keyring import Keyring
from services.identity.sealing import CannotOpen, Sealer
from services.identity.service import keys
from services.identity.service import users as user_cases
from services.identity.service.deps import Deps
from services.identity.service.upkeep import keep_keys, keep_up
from services.identity.settings import Settings

NAME = "identity"
MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(settings: Settings) -> None:
    """Brings the database up to date as its owner."""
    await migrate_database(settings.owner_url, MIGRATIONS, NAME, connect_timeout_s=settings.connect_timeout_s)


class IdentityService:
    """The service as `libs.common.service.Service` describes it."""

    name = NAME

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._pool: Pool | None = None
        self._outbox: PostgresOutbox | None = None
        self._relay: Relay | None = None
        self._sweeper: Sweeper | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.deps: Deps | None = None
        self.api: FastAPI = create_app(
            NAME, settings, wiring.verifier, {}, {"database": self._database_answers, "bus": wiring.bus.healthy}
        )
        add_errors(self.api)
        for routes in (sessions.routes, secrets.routes, users.routes, people.routes):
            self.api.include_router(routes)

    async def start(self, role: Role) -> None:
        """Opens the pool, loads or makes the signing keys, begins the work of the role."""
        settings = self._settings
        self._pool = await create_pool(
            settings.identity_url,
            size_max=settings.database_pool_max,
            statement_timeout_s=settings.statement_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
        )
        self.deps = _deps(settings, self._wiring, self._pool, self._told)
        await _load_keys(self.deps)
        self.api.state.deps = self.deps
        if role in ("api", "both"):
            self._tasks.append(asyncio.create_task(keep_keys(self.deps), name="identity keys"))
            await self._wiring.bus.listen({KeysRotatedV1.TYPE: self._keys_rotated}, on_connected=self._load_keys)
        if role in ("worker", "both"):
            await self._start_worker(self.deps)

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
        if self.deps is not None:
            self.deps.hasher.close()
            self.deps = self.api.state.deps = None
        await self._close_pool()

    async def _start_worker(self, deps: Deps) -> None:
        settings = self._settings
        self._outbox = PostgresOutbox(deps.pool)
        self._relay = Relay(
            self._outbox,
            self._wiring.bus,
            name=NAME,
            window_max=settings.relay_window_max,
            poll_s=settings.relay_poll_s,
        )
        await self._relay.start()
        self._sweeper = Sweeper(deps.pool)
        await self._sweeper.start()
        await self._wiring.bus.subscribe(NAME, consumers.handlers(deps))
        self._tasks.append(asyncio.create_task(keep_up(deps), name="identity upkeep"))

    async def _close_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(self._settings.stop_timeout_s):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def _keys_rotated(self, envelope: Envelope) -> None:
        await self._load_keys()

    async def _load_keys(self) -> None:
        if self.deps is not None:
            await keys.load(self.deps)

    def _told(self) -> None:
        if self._outbox is not None:
            self._outbox.wake()

    async def _database_answers(self) -> bool:
        return (
            self._pool is not None
            and await self._pool.fetchval("select true from users limit 1", timeout=2) is not False
        )


def build(settings: Settings, wiring: Wiring) -> IdentityService:
    """Puts the parts together; connects nowhere."""
    return IdentityService(settings, wiring)


async def create_admin(settings: Settings, email: str, password: str, *, clock: Clock = utc_now) -> str:
    """Makes an admin straight in the database, where no node runs; the user's id. Raises StartRefused, Refusal."""
    pool = await create_pool(settings.identity_url, size_max=2, connect_timeout_s=settings.connect_timeout_s)
    hasher = _hasher(settings)
    try:
        sealer = Sealer(settings.sealing_secret)
        deps = Deps(settings, clock, pool, hasher, sealer, Keyring(sealer), _common(settings), _NoVerifier())
        return (await user_cases.create_admin(deps, email, password)).id
    except IdentityError as error:
        raise refusal_of(error) from None
    finally:
        hasher.close()
        await pool.close()


def _deps(settings: Settings, wiring: Wiring, pool: Pool, wake: Callable[[], None]) -> Deps:
    sealer = Sealer(settings.sealing_secret)
    return Deps(
        settings=settings,
        clock=wiring.clock,
        pool=pool,
        hasher=_hasher(settings),
        sealer=sealer,
        keyring=Keyring(sealer),
        common=_common(settings),
        verifier=wiring.verifier,
        wake=wake,
    )


def _common(settings: Settings) -> Common:
    """The common passwords, and the community's own name."""
    return common_passwords().and_words([settings.node_name])


def _hasher(settings: Settings) -> Hasher:
    return Hasher(
        memory_kib=settings.hash_memory_kib,
        passes=settings.hash_passes,
        workers=settings.hash_workers,
        queue_max=settings.hash_queue_max,
    )


async def _load_keys(deps: Deps) -> None:
    try:
        await keys.load(deps)
    except CannotOpen:
        deps.hasher.close()
        await deps.pool.close()
        raise StartRefused(
            "The signing keys in identity's database were encrypted with another secret: set MCCS_IDENTITY_SECRET "
            "(or MCCS_SERVICE_SECRET, where that is empty) to what it was."
        ) from None


class _NoVerifier:
    """Where no token is looked at."""

    async def verify(self, token: str) -> Principal:
        raise NotImplementedError

    def forget_session(self, session_id: str, until: datetime) -> None:
        """Nothing is remembered."""
