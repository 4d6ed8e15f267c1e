"""Starts nodes as their users do: `mccs run` in one process, or every service in its own with real servers."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import asyncpg
import httpx2

from libs.common.contracts.consumers import QUEUES

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 40.0
ADMIN = ("admin@node.example", "Steward-of-all-1")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A node under test, and how to stop, kill and start it again."""

    command: list[str]
    environment: dict[str, str]
    address: str
    data: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_in_s: float = 0.0
    mail: Path = field(init=False)

    def __post_init__(self) -> None:
        self.mail = self.data / "mail"

    def start(self) -> "Running":
        """Starts and waits until the gateway says it is ready."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = began + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the node ended with {self.process.returncode}:\n{self.tail()}")
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.address}/health/ready", timeout=5).json().get("status") == "ready":
                    self.started_in_s = time.monotonic() - began
                    return self
            time.sleep(0.05)
        raise AssertionError(f"the node was not ready within {READY_WITHIN_S} s:\n{self.tail()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it and returns its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    def kill(self) -> None:
        """SIGKILL of the process, as a power cut of the program."""
        self.stop(signal.SIGKILL)

    def tail(self, lines: int = 60) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def mccs(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """One verb of the command line on this node."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def make_admin(self) -> None:
        """The admin of the tests."""
        made = self.mccs("admin", "create", ADMIN[0], given=ADMIN[1] + "\n")
        assert made.returncode == 0, made.stderr


def _environment(folder: Path, port: int, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not re.match("MCCS_(?!TEST)", name)}
    return plain | {
        "MCCS_DATA": str(folder),
        "MCCS_PORT": str(port),
        "MCCS_DEMO": "0",
        "MCCS_RATE_PER_MINUTE": "100000",
        "MCCS_LOGIN_FAILURES_PER_ADDRESS_MAX": "100000",
        **more,
    }


def embedded(folder: Path, **more: str) -> Running:
    """A one-process node over this folder; not started yet."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    return Running(
        command=[sys.executable, "-m", "deploy.local", "run"],
        environment=_environment(folder / "var", port, **more),
        address=f"http://127.0.0.1:{port}",
        data=folder / "var",
        log=folder / "node.log",
    )


def full(folder: Path, servers: "Servers", **more: str) -> Running:
    """Every service in its own process, with databases of its own on the real servers; not started yet."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    own = servers.fresh()
    apis = {
        f"MCCS_{name}_API_URL": f"http://127.0.0.1:{free_port()}"
        for name in ("IDENTITY", "DIRECTORY", "LEDGER", "MATCHER", "NOTIFIER")
    }
    return Running(
        command=[sys.executable, "-m", "deploy.local.full"],
        environment=_environment(folder / "var", port, **own, **apis, **more),
        address=f"http://127.0.0.1:{port}",
        data=folder / "var",
        log=folder / "node.log",
    )


@dataclass(frozen=True)
class Servers:
    """Addresses of the real servers that the tests were given."""

    postgres: str
    amqp: str
    mongodb: str
    elasticsearch: str

    def fresh(self) -> dict[str, str]:
        """Settings with stores that nobody used before."""
        mark = uuid.uuid4().hex[:10]
        asyncio.run(_without_queues(self.amqp))
        settings = {
            f"MCCS_{name.upper()}_URL": self._database(f"e2e_{name}_{mark}")
            for name in ("identity", "ledger", "notifier")
        }
        return settings | {
            "MCCS_DIRECTORY_URL": f"{self.mongodb.rstrip('/')}/e2e_directory_{mark}",
            "MCCS_MATCHER_URL": self.elasticsearch,
            "MCCS_MATCHER_INDEX": f"e2e-{mark}",
            "MCCS_BUS_URL": self.amqp,
        }

    def _database(self, name: str) -> str:
        base = self.postgres.rsplit("/", 1)[0]
        asyncio.run(_create_database(self.postgres, name))
        return f"{base}/{name}"


async def _without_queues(url: str) -> None:
    """What an earlier node left in the broker is not for this one."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for name in QUEUES:
            await channel.queue_delete(f"{name}.events")
            await channel.queue_delete(f"{name}.dead")


async def _create_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()
