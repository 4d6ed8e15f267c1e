"""Servers for tests: the embedded PostgreSQL, real servers by address, or containers; and the count of what did not run."""

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import asyncpg
import pytest

from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.ids import new_id

MARK = "did not run: "


def not_run(what: str, how: str) -> NoReturn:
    """Skips the test, counted at the end with `how` to run it; a failure where MCCS_TEST_STRICT is set."""
    if os.environ.get("MCCS_TEST_STRICT") == "1":
        pytest.fail(f"{what} is missing and MCCS_TEST_STRICT is set; {how}", pytrace=False)
    pytest.skip(f"{MARK}{what} is missing; {how}")


@dataclass(frozen=True, slots=True)
class _Image:
    variable: str
    image: str
    port: int
    url: str
    environment: tuple[tuple[str, str], ...] = ()


_IMAGES = {
    "PostgreSQL": _Image(
        "MCCS_TEST_POSTGRES_URL",
        "postgres:17",
        5432,
        "postgresql://postgres:postgres@{host}:{port}/postgres",
        (("POSTGRES_PASSWORD", "postgres"),),
    ),
    "RabbitMQ": _Image("MCCS_TEST_AMQP_URL", "rabbitmq:4", 5672, "amqp://guest:guest@{host}:{port}/"),
    "MongoDB": _Image("MCCS_TEST_MONGODB_URL", "mongo:8", 27017, "mongodb://{host}:{port}"),
    "Elasticsearch": _Image(
        "MCCS_TEST_ELASTICSEARCH_URL",
        "elasticsearch:8.19.0",
        9200,
        "http://{host}:{port}",
        (("discovery.type", "single-node"), ("xpack.security.enabled", "false"), ("ES_JAVA_OPTS", "-Xms512m -Xmx512m")),
    ),
}


class Servers:
    """The servers of one test session, each started or looked up when a test first asks for it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._embedded: EmbeddedPostgres | None = None
        self._folder: Path | None = None
        self._addresses: dict[str, str | None] = {}
        self._containers: list[Any] = []
        self.templates: dict[tuple[str, str], str] = {}

    def embedded(self) -> EmbeddedPostgres:
        """The embedded PostgreSQL, fast and forgetful."""
        if self._embedded is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mccs-test-"))
            server = EmbeddedPostgres(self._folder / "postgres", durable=False)
            self._run(server.start())
            self._embedded = server
        return self._embedded

    def address(self, name: str) -> str:
        """The address of a real server: given by its variable, or of a container; else the test is not run."""
        about = _IMAGES[name]
        if name not in self._addresses:
            self._addresses[name] = os.environ.get(about.variable) or self._contained(about)
        return self._addresses[name] or not_run(name, f"set {about.variable} to its address, or start Docker")

    def close(self) -> None:
        """Ends what was started here."""
        for container in self._containers:
            container.stop()
        if self._embedded is not None:
            self._run(self._embedded.stop())
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._runner.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._runner.run(work)

    def _contained(self, about: _Image) -> str | None:
        """An address of a container of its own, where a Docker daemon answers."""
        if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
            return None
        with warnings.catch_warnings(), suppress(Exception):  # any fault here means: no container
            warnings.simplefilter("ignore")
            from testcontainers.core.container import DockerContainer
            from testcontainers.core.waiting_utils import wait_container_is_ready  # noqa: F401  imports the daemon's client

            container = DockerContainer(about.image).with_exposed_ports(about.port)
            for key, value in about.environment:
                container = container.with_env(key, value)
            container.start()
            self._containers.append(container)
            return about.url.format(host=container.get_container_host_ip(), port=container.get_exposed_port(about.port))
        return None


def with_database(url: str, database: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    # by hand: urlunsplit drops the empty host of a socket's address
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")


async def make_database(server_url: str, template: str = "template1") -> str:
    """A new database, a copy of the template; its URL."""
    name = "t" + new_id().replace("-", "")
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"create database {name} template {template}")
    finally:
        await connection.close()
    return with_database(server_url, name)


async def drop_database(server_url: str, url: str) -> None:
    """Removes a database and whoever is still connected to it."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"drop database if exists {urlsplit(url).path[1:]} with (force)")
    finally:
        await connection.close()


Prepare = Callable[[str], Awaitable[object]]
