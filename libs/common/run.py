"""Runs services by themselves, as containers do: ports, signals, and one sentence where one cannot start."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import structlog

from libs.common import logs, serving, telemetry
from libs.common.auth import JwksVerifier, ServiceTokens
from libs.common.bus import open_bus
from libs.common.bus.port import BusAway
from libs.common.clock import utc_now
from libs.common.lasting import lasting
from libs.common.peers_http import HttpPeers
from libs.common.service import Role, Service, StartRefused, Wiring
from libs.common.sessions import watch_sessions
from libs.common.settings import SERVICES, CommonSettings, load, variable
from libs.common.web import create_app

_log = structlog.get_logger(__name__)


def main(name: str, arguments: Sequence[str] | None = None) -> int:
    """`python -m services.<name> [api|worker|both|migrate]`; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["both"]
    if len(given) != 1 or given[0] not in ("api", "worker", "both", "migrate"):
        print(f"usage: python -m services.{name} [api|worker|both|migrate]", file=sys.stderr)  # noqa: T201
        return 2
    if given[0] == "migrate":
        return _said(lambda: _migrate(name))
    role: Any = given[0]
    return run_services([name], role)


def run_services(names: Sequence[str], role: Role) -> int:
    """Runs these until SIGTERM or SIGINT: 0 after a clean stop, else the status of the StartRefused it tells."""
    return _said(lambda: _run(names, role))


def _said(work: Callable[[], Awaitable[None]]) -> int:
    async def awaited() -> None:
        await work()

    try:
        serving.run(awaited())
    except StartRefused as refused:
        print(refused.sentence, file=sys.stderr)  # noqa: T201  for the operator
        return refused.status
    except BusAway as away:
        print(away, file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def _migrate(name: str) -> None:
    settings = load(import_module(f"services.{name}.settings").Settings)
    logs.set_up(settings, name)
    migrate = getattr(import_module(f"services.{name}.app"), "migrate", None)
    if migrate is not None:
        await migrate(settings)


async def _run(names: Sequence[str], role: Role) -> None:
    unknown = [name for name in names if name not in (*SERVICES, "gateway")]
    if unknown:
        raise StartRefused(
            f"There is no service called {unknown[0]}; there are {', '.join(SERVICES)}, gateway.", status=2
        )
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        with lasting():
            for name in names:
                await _bring_up(name, role, stack, stopping, alone=len(names) == 1)
        await stopping.wait()
        _log.info("stopping", services=list(names))


async def _bring_up(
    name: str, role: Role, stack: contextlib.AsyncExitStack, stopping: asyncio.Event, *, alone: bool
) -> None:
    """One service with all it needs; the stack takes it down in the other order."""
    package = "gateway" if name == "gateway" else f"services.{name}"
    settings: CommonSettings = load(import_module(f"{package}.settings").Settings)
    logs.set_up(settings, name)
    if alone and role != "api":
        _stand_back(int(getattr(settings, f"{name}_niceness", 0)))
    telemetry.start(name, settings.otlp_url)
    stack.callback(telemetry.stop)
    secret = settings.service_secret.get_secret_value()
    peers = HttpPeers(settings.api_urls, ServiceTokens(secret, name))
    stack.push_async_callback(peers.close)
    bus = open_bus(settings)
    stack.push_async_callback(bus.close)
    await bus.start()
    if settings.env == "development":
        migrate = getattr(import_module(f"{package}.app"), "migrate", None)
        if migrate is not None:
            await migrate(settings)
    verifier = JwksVerifier(name, secret, peers)
    wiring = Wiring(bus=bus, peers=peers, verifier=verifier, clock=utc_now)
    service: Service = import_module(f"{package}.app").build(settings, wiring)
    stack.push_async_callback(service.stop)
    await service.start(role)
    stack.push_async_callback(bus.stop_handling)
    host, port = _place(name, settings)
    listening = serving.bind(host, port, "MCCS_PORT" if name == "gateway" else variable(f"{name}_api_url"))
    # a worker answers for its health alone
    api = create_app(name, settings, verifier, {}, {"bus": bus.healthy}) if role == "worker" else service.api
    answering = serving.Serving(api, listening, stop_timeout_s=settings.stop_timeout_s)
    stack.push_async_callback(answering.stop)
    await answering.start()
    await watch_sessions(bus, peers, [verifier])
    _log.info("started", role=role, address=":".join(map(str, listening.getsockname()[:2])))


def _stand_back(niceness: int) -> None:
    """Lower priority for this process; before any thread is made, so that all have it."""
    if niceness > os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


def _place(name: str, settings: CommonSettings) -> tuple[str, int]:
    """The gateway listens on `host` and `port`, a service on the port of its own address."""
    if name == "gateway":
        return settings.host, settings.port
    parts = urlsplit(settings.api_urls[name])
    return settings.bind_host, parts.port or (443 if parts.scheme == "https" else 80)
