"""Puts the notifier together: store, relay, consumers, mail door, loops, endpoints."""

from pathlib import Path

from fastapi import FastAPI

from libs.common.database import BY_INDEX, Pool, create_pool
from libs.common.inbox import Sweeper
from libs.common.migration import migrate as run_migrations
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.service import Role, Wiring
from libs.common.web import create_app
from services.notifier import api, consumers
from services.notifier.mail.doors import door_of, folder_of
from services.notifier.service.deps import Deps
from services.notifier.settings import Settings
from services.notifier.webdoor import WebDoor
from services.notifier.worker import Worker

NAME = "notifier"
MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(settings: Settings) -> None:
    """Brings the notifier's database up to this code."""
    await run_migrations(settings.owner_url, MIGRATIONS, NAME, connect_timeout_s=settings.connect_timeout_s)


def build(settings: Settings, wiring: Wiring) -> "NotifierService":
    """Puts the parts together; connects nowhere."""
    return NotifierService(settings, wiring)


class NotifierService:
    """The service as `libs.common.service.Service` describes it."""

    name = NAME

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._pool: Pool | None = None
        self._outbox: PostgresOutbox | None = None
        self._relay: Relay | None = None
        self._sweeper: Sweeper | None = None
        self._worker: Worker | None = None
        self._door = door_of(settings)
        self._web_door = WebDoor(timeout_s=settings.webhook_timeout_s, allow_private=settings.webhooks_may_be_private)
        checks = {"database": self._database_answers, "bus": wiring.bus.healthy}
        self.api: FastAPI = create_app(NAME, settings, wiring.verifier, {}, checks)
        shows_mail = settings.env == "development" and settings.mail_url == "file:"
        for routes in (
            api.notices_router(self.deps),
            api.preferences_router(self.deps),
            api.webhooks_router(self.deps),
            api.mailbox_router(folder_of(settings) if shows_mail else None),
        ):
            self.api.include_router(routes)

    def deps(self) -> Deps:
        """What use cases are given; only while the service runs."""
        if self._pool is None:
            raise RuntimeError("the notifier is not started")
        return Deps(self._pool, self._wiring.clock, self._settings, self._wake)

    async def start(self, role: Role) -> None:
        """Opens the pool; a worker also begins relay, loops and consumers."""
        settings = self._settings
        self._pool = await create_pool(
            settings.notifier_url,
            size_max=settings.database_pool_max,
            statement_timeout_s=settings.statement_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
            session=BY_INDEX,
        )
        if role == "api":
            return
        self._outbox = PostgresOutbox(self._pool)
        self._relay = Relay(
            self._outbox,
            self._wiring.bus,
            name=NAME,
            window_max=settings.relay_window_max,
            poll_s=settings.relay_poll_s,
        )
        await self._relay.start()
        self._sweeper = Sweeper(self._pool)
        await self._sweeper.start()
        self._worker = Worker(self.deps(), self._wiring.peers, self._door, self._web_door, self._wiring.bus)
        self._worker.start()
        await self._wiring.bus.subscribe(NAME, consumers.handlers(self.deps()))

    async def stop(self) -> None:
        """Ends work in order; safe to call twice."""
        if self._worker is not None:
            await self._worker.stop(self._settings.stop_timeout_s)
        if self._relay is not None:
            await self._relay.stop()
        if self._sweeper is not None:
            await self._sweeper.stop()
        if self._outbox is not None:
            await self._outbox.close()
        await self._door.close()
        await self._web_door.close()
        if self._pool is not None:
            await self._pool.close()
        self._worker = self._relay = self._sweeper = self._outbox = self._pool = None

    def _wake(self) -> None:
        if self._worker is not None:
            self._worker.wake()

    async def _database_answers(self) -> bool:
        return self._pool is not None and await self._pool.fetchval("select true")
