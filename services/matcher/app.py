"""Puts the matcher together: lexicon, index, news, rebuilder, endpoints."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI

from libs.common.bus.port import BusAway, Handler
from libs.common.contracts.consumers import MATCHES
from libs.common.lean import add_lean
from libs.common.service import Role, StartRefused, Wiring
from libs.common.web import create_app
from services.matcher import api, consumers
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Index, IndexAway
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.deps import Deps
from services.matcher.service.news import News, until_done
from services.matcher.service.rebuild import Rebuilder
from services.matcher.service.teller import Teller
from services.matcher.settings import Settings
from services.matcher.source import PeerSource
from services.matcher.wordlist import open_word_list, word_list_is_there

NAME = "matcher"
CONNECT_EVERY_S = 0.5
WATCH_EVERY_S = 10.0

_log = structlog.get_logger(__name__)


def build(settings: Settings, wiring: Wiring) -> "MatcherService":
    """Puts the parts together; connects nowhere."""
    return MatcherService(settings, wiring)


class MatcherService:
    """The service as `libs.common.service.Service` describes it."""

    name = NAME

    def __init__(self, settings: Settings, wiring: Wiring) -> None:
        self._settings = settings
        self._wiring = wiring
        self.lexicon = NodeLexicon(settings.languages)
        self.index = _index_of(settings, self.lexicon)
        deps = Deps(self.index, PeerSource(wiring.peers), wiring.bus, wiring.clock)
        self.news = News(deps)
        self.teller = Teller(deps, self.news)
        self.rebuilder = Rebuilder(deps)
        self._tasks: set[asyncio.Task[None]] = set()
        checks = {"index": self._answers, "filled": self._is_filled}
        self.api: FastAPI = create_app(NAME, settings, wiring.verifier, {}, checks)
        self.api.add_exception_handler(IndexAway, api.on_index_away)
        self.api.include_router(api.routes(deps, self.news, self.rebuilder))
        add_lean(self.api, api.lean_routes(deps, self.news))

    async def start(self, role: Role) -> None:
        """Begins to listen, and fills the index in the background; ready when that is done."""
        self._refuse_what_cannot_work(role)
        await self._connect()
        await self._wiring.bus.listen(consumers.broadcasts(self.news), on_connected=self._heard_again)
        self._keep(self._fill(role))

    async def stop(self) -> None:
        """Ends the work in order; safe to call twice."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rebuilder.stop()
        await self.index.close()

    def _refuse_what_cannot_work(self, role: Role) -> None:
        if self._settings.door != "memory":
            return
        if role != "both":
            raise StartRefused(
                f"MCCS_MATCHER_URL is `memory:`, an index inside one process, and this one would run as {role} only: "
                "run the matcher with `--role both`, or give the address of Elasticsearch.",
                status=2,
            )
        if self._settings.matcher_copies > 1:
            raise StartRefused(
                f"MCCS_MATCHER_COPIES is {self._settings.matcher_copies} and MCCS_MATCHER_URL is `memory:`, an index inside "
                "one process: run one copy, or give the address of Elasticsearch.",
                status=2,
            )

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                while True:
                    try:
                        return await self.index.start()
                    except IndexAway as fault:
                        _log.info("waiting_for_index", problem=str(fault))
                        await asyncio.sleep(CONNECT_EVERY_S)
        except TimeoutError:
            raise StartRefused(
                f"Elasticsearch at {self._settings.matcher_url} does not answer: start it, or correct MCCS_MATCHER_URL."
            ) from None

    async def _fill(self, role: Role) -> None:
        """Words first, for the rules rest on them; then what the index holds, or everything from the directory."""
        folder = self._settings.data / NAME
        if not word_list_is_there(self._settings.languages, folder):
            await _build_word_list(self._settings.languages, folder)
        self.lexicon.use(await asyncio.to_thread(open_word_list, self._settings.languages, folder))
        self._keep(self.news.learn_admin_tags())
        await self.news.learn_words()
        if role != "api":
            await until_done(self._fill_if_empty)
        self.news.filled.set()
        if role != "api":
            await self._subscribe()
            self._keep(self._watch())
        _log.info("matcher_ready", tags=len(self.index.tags))

    async def _fill_if_empty(self) -> None:
        if await self.index.size() == 0:
            await self.rebuilder.fill_until_done()

    async def _watch(self) -> None:
        """Fills again what somebody emptied: an index that was dropped, a new search server."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                if not await self.index.is_there():
                    await self.index.start()
                    await self._fill_if_empty()
            except IndexAway as fault:
                _log.info("index_away", problem=str(fault))

    async def _subscribe(self) -> None:
        """Only now: what was told before waits in the matcher's queues, and what was done before a restart is in the export."""
        handlers = {NAME: consumers.subscriptions(self.news), MATCHES: consumers.to_tell(self.teller)}
        for queue, of_queue in handlers.items():
            await self._subscribe_to(queue, of_queue)

    async def _subscribe_to(self, queue: str, handlers: dict[str, Handler]) -> None:
        while True:
            try:
                return await self._wiring.bus.subscribe(queue, handlers)
            except BusAway as fault:
                _log.info("waiting_for_bus", problem=str(fault))
                await asyncio.sleep(CONNECT_EVERY_S)

    async def _heard_again(self) -> None:
        """After a (re)connect to the bus; before the first filling there is nothing to catch up with."""
        if self.news.filled.is_set():
            self._keep(self.news.learn_words())
            self._keep(self.news.learn_admin_tags())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("background_work_failed", exc_info=fault)

    async def _answers(self) -> bool:
        return await self.index.healthy()

    async def _is_filled(self) -> bool:
        return self.news.filled.is_set()


def _index_of(settings: Settings, lexicon: NodeLexicon) -> Index:
    if settings.door == "memory":
        return MemoryIndex(lexicon)
    from services.matcher.index.elastic import ElasticIndex, connect  # its client is large: only where it is used

    client = connect(settings.matcher_url, timeout_s=settings.matcher_timeout_s)
    return ElasticIndex(
        client, settings.matcher_index, lexicon, shards=settings.matcher_shards, replicas=settings.matcher_replicas
    )


async def _build_word_list(languages: tuple[str, ...], folder: Path) -> None:
    """In a process of its own, which takes the memory along that it needed."""
    command = [sys.executable, "-m", "services.matcher.wordlist", str(folder), *languages]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
