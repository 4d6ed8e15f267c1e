"""The whole node in one process: embedded stores where settings name no servers, services wired in process."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog

from deploy.local.folder import DataFolder
from deploy.local.operator import OperatorDoor
from deploy.local.parts import DEPLOYABLES, SQL_STORES, Part, part
from deploy.local.settings import NodeSettings
from libs.common.auth import JwksVerifier, ServiceTokens
from libs.common.bus import open_bus
from libs.common.bus.port import Bus
from libs.common.clock import utc_now
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.service import Service, StartRefused, Wiring
from libs.common.serving import Serving, bind, bind_private
from libs.common.sessions import watch_sessions
from libs.common.settings import DEVELOPMENT_SECRET, CommonSettings, load

EMBEDDED = "embedded:"
BUS_DATABASE = "bus"
WATCH_EVERY_S = 1.0
READY_WITHIN_S = 30.0
READY_LOOK_EVERY_S = 0.02

log = structlog.get_logger()


class Node:
    """One node on one machine. `start`, then `stop`; `peers` speaks to its services as the operator.

    With `listen=False` it opens no port (the command line works on a stopped node so).
    """

    def __init__(self, *, listen: bool = True, say: Callable[[str], None] = lambda _: None) -> None:
        self.settings = load(NodeSettings)
        self.folder = DataFolder(self.settings.data)
        self.services: dict[str, Service] = {}
        self.address = ""
        self._say = say
        self._listen = listen
        self._postgres: EmbeddedPostgres | None = None
        self._bus: Bus | None = None
        self._serving: list[Serving] = []
        self._watch: asyncio.Task[None] | None = None
        self._secret = ""
        self._settings: dict[str, CommonSettings] = {}

    @property
    def peers(self) -> LocalPeers:
        """The services, spoken to as `operator`."""
        return self._peers_of("operator")

    async def start(self) -> None:
        """Everything up, in order; raises StartRefused with nothing left running."""
        self.folder.hold()
        try:
            listening = bind(self.settings.host, self.settings.port) if self._listen else None
            await self._start_stores()
            await self._start_services()
            if listening is not None:
                host, port = listening.getsockname()[:2]
                self.address = self.settings.public_url or f"http://{host}:{port}"
                await self._serve(self.services["gateway"].api, listening)
            await self._serve(OperatorDoor(self._apis()), bind_private(self.folder.operator_socket))
            await self._until_ready()
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep_postgres())

    async def stop(self) -> None:
        """Everything down, in the other order. Safe to call twice."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for serving in self._serving:
            await serving.stop()
        self._serving.clear()
        if self._bus is not None:
            await self._bus.stop_handling()
        for service in reversed(list(self.services.values())):
            with contextlib.suppress(Exception):  # one that fails to stop must not keep the others up
                await service.stop()
        self.services.clear()
        if self._bus is not None:
            await self._bus.close()
            self._bus = None
        if self._postgres is not None:
            await self._postgres.stop()
            self._postgres = None
        self.folder.operator_socket.unlink(missing_ok=True)
        self.folder.release()

    async def _start_stores(self) -> None:
        given = self._given_secrets()
        parts = [part(name) for name in DEPLOYABLES]
        loaded = {each.name: load(each.settings, **given) for each in parts}
        embedded = [name for name in SQL_STORES if getattr(loaded[name], f"{name}_url") == EMBEDDED]
        memory_bus = self.settings.bus_url == "memory:"
        if embedded or memory_bus:
            self._say("Starting PostgreSQL …")
            self._postgres = EmbeddedPostgres(self.folder.postgres)
            await self._postgres.start()
            for name in (*embedded, *([BUS_DATABASE] if memory_bus else [])):
                await self._postgres.ensure(name, f"{name}_owner", name, grants=name != "ledger")
        addresses = {name: value for each in embedded for name, value in self._addresses(each).items()}
        self._settings = {each.name: load(each.settings, **given, **_known(each, addresses)) for each in parts}
        self._secret = self._settings["gateway"].service_secret.get_secret_value()
        for each in parts:
            await each.migrate(self._settings[each.name])
        bus_url = self._postgres.url(BUS_DATABASE, f"{BUS_DATABASE}_owner") if self._postgres and memory_bus else ""
        self._bus = open_bus(self.settings, memory_database_url=bus_url)
        await self._bus.start()

    def _addresses(self, name: str) -> dict[str, Any]:
        assert self._postgres is not None
        return {
            f"{name}_url": self._postgres.url(name, name),
            f"{name}_owner_url": self._postgres.url(name, f"{name}_owner"),
        }

    def _given_secrets(self) -> dict[str, Any]:
        """In development a node makes its own secrets; none is ever the one in the source."""
        if self.settings.service_secret.get_secret_value() == DEVELOPMENT_SECRET:
            return {"service_secret": self.folder.secret("service")}
        return {}

    async def _start_services(self) -> None:
        """The three truths first: matcher and notifier ask them as soon as they start."""
        assert self._bus is not None
        verifiers = []
        for name in DEPLOYABLES:
            peers = self._peers_of(name)
            verifier = JwksVerifier(name, self._secret, peers)
            verifiers.append(verifier)
            wiring = Wiring(bus=self._bus, peers=peers, verifier=verifier, clock=utc_now)
            self.services[name] = part(name).build(self._settings[name], wiring)
        self._say("Starting the services …")
        for group in (DEPLOYABLES[:3], DEPLOYABLES[3:]):
            await asyncio.gather(*(self.services[name].start("both") for name in group))
        await watch_sessions(self._bus, self.peers, verifiers)

    async def _until_ready(self) -> None:
        """Until every service says it is (the search index is filled); a node whose part stays away runs without it."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            answer = await self.peers.call("gateway", "GET", "/health/ready", caller=Caller())
            if answer.json()["status"] == "ready":
                return
            await asyncio.sleep(READY_LOOK_EVERY_S)
        self._say(f"Not everything is ready: {answer.json()['checks']}")

    def _peers_of(self, name: str) -> LocalPeers:
        return LocalPeers(self.services, ServiceTokens(self._secret, name))

    def _apis(self) -> dict[str, Any]:
        return {name: service.api for name, service in self.services.items()}

    async def _serve(self, application: Any, listening: Any) -> None:
        serving = Serving(application, listening, stop_timeout_s=self.settings.stop_timeout_s)
        self._serving.append(serving)
        await serving.start()

    async def _keep_postgres(self) -> None:
        """Starts the database again when it dies; pools connect anew, nothing accepted is lost."""
        while self._postgres is not None:
            await asyncio.sleep(WATCH_EVERY_S)
            if self._postgres is None or self._postgres.is_running:
                continue
            log.error("postgres.died")
            try:
                await self._postgres.start()
            except StartRefused as refused:
                log.error("postgres.not_started", why=refused.sentence)  # noqa: TRY400  one sentence, no trace


def _known(each: Part, addresses: dict[str, Any]) -> dict[str, Any]:
    """Those of the addresses that are settings of this part."""
    return {name: value for name, value in addresses.items() if name in each.settings.model_fields}
