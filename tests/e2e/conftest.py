"""Nodes for the journeys: the embedded one always, the full set where real servers are given."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.node import Node
from tests.e2e.driving import Api
from tests.e2e.running import Running, Servers, embedded, full

VARIABLES = {
    "postgres": "MCCS_TEST_POSTGRES_URL",
    "amqp": "MCCS_TEST_AMQP_URL",
    "mongodb": "MCCS_TEST_MONGODB_URL",
    "elasticsearch": "MCCS_TEST_ELASTICSEARCH_URL",
}


def _servers() -> Servers:
    missing = [variable for variable in VARIABLES.values() if not os.environ.get(variable)]
    if missing:
        reason = f"needs real servers: set {', '.join(missing)}"
        if os.environ.get("MCCS_TEST_STRICT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Servers(**{name: os.environ[variable] for name, variable in VARIABLES.items()})


@pytest.fixture(scope="session", params=["embedded", "full"])
def node(request, tmp_path_factory) -> Iterator[Running]:
    """A running node with an admin; one for the whole session, so tests sign up members of their own."""
    folder = tmp_path_factory.mktemp(f"node-{request.param}")
    running = embedded(folder) if request.param == "embedded" else full(folder, _servers())
    running.start()
    running.make_admin()
    yield running
    status = running.stop()
    assert status == 0, running.tail()


@pytest.fixture
async def own_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """A node in this process, for one test alone, that listens nowhere."""
    for name in [name for name in os.environ if re.match("MCCS_(?!TEST)", name)]:
        monkeypatch.delenv(name)
    for name, value in {"DATA": str(tmp_path), "DEMO": "0", "RATE_PER_MINUTE": "100000"}.items():
        monkeypatch.setenv(f"MCCS_{name}", value)
    made = Node(listen=False)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def api(node: Running) -> Iterator[Api]:
    """The public API of the node."""
    api = Api(node.address)
    yield api
    api.close()
