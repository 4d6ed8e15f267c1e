"""The project's pytest plugin: fixtures for databases and servers that every part's tests use.

`postgres` is the URL of an empty database, on the embedded server always and on the real one where its address is given.
`postgres_from(name, prepare)` is a copy of a database that `prepare(url)` filled once in the session: migrated, say.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import structlog

from libs.common.bus.handling import BusOptions
from libs.common.bus.memory import MemoryBus
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.testing.clocks import FixedClock
from libs.common.testing.servers import MARK, Prepare, Servers, drop_database, make_database


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers of this session."""
    found = Servers()
    yield found
    found.close()


@pytest.fixture(scope="session")
def embedded_postgres(servers: Servers) -> EmbeddedPostgres:
    """The embedded PostgreSQL of this session."""
    return servers.embedded()


@pytest.fixture(params=["embedded", "server"])
def postgres_server(request: pytest.FixtureRequest, servers: Servers) -> str:
    """The URL of a PostgreSQL server as its superuser: the embedded one, and the real one."""
    return servers.embedded().url("postgres") if request.param == "embedded" else servers.address("PostgreSQL")


@pytest_asyncio.fixture
async def postgres(postgres_server: str) -> AsyncIterator[str]:
    """The URL of an empty database, as the superuser; gone after the test."""
    url = await make_database(postgres_server)
    yield url
    await drop_database(postgres_server, url)


@pytest_asyncio.fixture
async def postgres_on_embedded(embedded_postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """As `postgres`, on the embedded server alone: for tests of something else that needs a database."""
    url = await make_database(embedded_postgres.url("postgres"))
    yield url
    await drop_database(embedded_postgres.url("postgres"), url)


@pytest_asyncio.fixture
async def postgres_from(
    postgres_server: str, servers: Servers
) -> AsyncIterator[Callable[[str, Prepare], Awaitable[str]]]:
    """Makes databases that are copies of one that `prepare(url)` filled once in the session under this name."""
    made = []

    async def copy_of(name: str, prepare: Prepare) -> str:
        key = (postgres_server, name)
        if key not in servers.templates:
            template = await make_database(postgres_server)
            await prepare(template)
            servers.templates[key] = urlsplit(template).path[1:]
        made.append(await make_database(postgres_server, servers.templates[key]))
        return made[-1]

    yield copy_of
    for url in made:
        await drop_database(postgres_server, url)


@pytest_asyncio.fixture
async def memory_bus(postgres_on_embedded: str) -> AsyncIterator[MemoryBus]:
    """The in-process bus on a fresh database of the embedded server, quick to try again."""
    bus = MemoryBus(postgres_on_embedded, BusOptions(retry_first_s=0.02, retry_max_s=0.1, tries_max=4))
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
def amqp_url(servers: Servers) -> str:
    """The address of a real RabbitMQ."""
    return servers.address("RabbitMQ")


@pytest.fixture
def mongodb_url(servers: Servers) -> str:
    """The address of a real MongoDB."""
    return servers.address("MongoDB")


@pytest.fixture
def elasticsearch_url(servers: Servers) -> str:
    """The address of a real Elasticsearch."""
    return servers.address("Elasticsearch")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock()


def pytest_configure(config: pytest.Config) -> None:
    """Log lines go where pytest shows them: beside a failing test only."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many tests did not run, for want of what, and how to run them."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MARK in reason:
            reasons[reason.partition(MARK)[2]] += 1
    if reasons:
        terminalreporter.section(f"{reasons.total()} tests did not run", yellow=True)
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:5} {reason}")
