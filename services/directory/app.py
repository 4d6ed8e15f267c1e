"""Puts the directory together: store, routes, relay, consumers, jobs and housekeeping."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from fastapi import FastAPI

from libs.common.relay import Relay
from libs.common.service import Role, StartRefused, Wiring
from libs.common.web import create_app
from services.directory import api, consumers
from services.directory.domain.entity import CannotApply, TooManyPictures
from services.directory.domain.pictures import NotAPicture, PictureTooLarge
from services.directory.service import housekeeping
from services.directory.service.deps import Deps
from services.directory.settings import Settings
from services.directory.store.doors import open_store, prepare_store
from services.directory.store.port import DirectoryStore

NAME = "directory"
REFUSALS: dict[type[Exception], tuple[int, str]] = {
    CannotApply: (409, "{message}"),
    TooManyPictures: (409, "{message}"),
    NotAPicture: (400, "{message}"),
    PictureTooLarge: (400, "{message}"),
}


async def migrate(settings: Settings) -> None:
    """Brings the store up to this code; safe to repeat."""
    url = settings.directory_url if settings.directory_url.startswith("mongodb") else settings.owner_url
    await prepare_store(url, connect_timeout_s=settings.connect_timeout_s)


class DirectoryService:
    """The service as `libs.common.service.Service` describes it."""

    name = NAME

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self._store: DirectoryStore | None = None
        self._relay: Relay | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.api: FastAPI = create_app(NAME, settings, wiring.verifier, REFUSALS, {"store": self._store_answers})
        api.answer_for_the_store(self.api)

    async def start(self, role: Role) -> None:
        """Opens the store and begins the work of the role."""
        settings = self._settings
        if settings.directory_url.startswith("embedded:"):
            raise StartRefused("MCCS_DIRECTORY_URL=embedded: is for the one-process node: give an address.", status=2)
        self._store = await open_store(
            settings.directory_url,
            size_max=settings.database_pool_max,
            statement_timeout_s=settings.statement_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
        )
        deps = Deps(self._store, self._wiring.clock, settings.rules)
        if role in ("api", "both"):
            api.add_routes(self.api, deps, settings)
        if role in ("worker", "both"):
            await self._start_worker(deps)

    async def _start_worker(self, deps: Deps) -> None:
        settings = self._settings
        self._relay = Relay(
            deps.store.outbox,
            self._wiring.bus,
            name=NAME,
            window_max=settings.relay_window_max,
            poll_s=settings.relay_poll_s,
        )
        await self._relay.start()
        await self._wiring.bus.subscribe(NAME, consumers.handlers(deps))
        self._begin(housekeeping.carry_jobs_on(deps, settings.job_look_s))
        self._begin(housekeeping.keep_house(deps, settings.housekeeping_s))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """Ends the work in order; safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._relay is not None:
            await self._relay.stop()
            self._relay = None
        if self._store is not None:
            store, self._store = self._store, None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_timeout_s):
                    await store.close()

    async def _store_answers(self) -> bool:
        return self._store is not None and await self._store.healthy()


def build(settings: Settings, wiring: Wiring) -> DirectoryService:
    """The directory, not yet connected to anything."""
    return DirectoryService(settings, wiring)
