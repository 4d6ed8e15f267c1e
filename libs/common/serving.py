"""HTTP servers inside a program's own loop and under its own signals."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from libs.common.http_server import BoundedHttp
from libs.common.service import StartRefused

Result = TypeVar("Result")
BACKLOG = 2048
KEEP_ALIVE_S = 75
"""Longer than our callers keep a connection (`libs.common.http_client`)."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """A program's work to its end, in the quickest event loop that is there: every socket's bytes pass through it."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(work)


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int, setting: str = "MCCS_PORT") -> socket.socket:
    """A listening socket; raises StartRefused that names the port and the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only what says that it is TCP; else an answer waits 40 ms for the client's ACK
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as fault:
        listening.close()
        raise StartRefused(
            f"The address {host}:{port} cannot be used ({fault.strerror}): stop what listens there, "
            f"or set {setting} to a free port."
        ) from fault
    listening.setblocking(False)
    return listening


def bind_private(path: Path) -> socket.socket:
    """A listening Unix socket in a folder of the owner's; one left by a dead node is replaced."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


class Serving:
    """One application answering on one socket until it is stopped."""

    def __init__(self, application: Any, listening: socket.socket, *, stop_timeout_s: float) -> None:
        config = uvicorn.Config(
            application,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, round(stop_timeout_s)),
            timeout_keep_alive=KEEP_ALIVE_S,
            http=BoundedHttp,
        )
        self._server = Server(config)
        self._listening = listening
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to answer."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listening]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  uvicorn tells by a flag
            await asyncio.sleep(0.005)
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Answers what is under way, then closes. Safe to call twice."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None
        self._listening.close()
