"""Power cuts: a server that could lose what it confirmed makes the ledger say so and not be ready."""

from typing import Any

import pytest

from libs.common.database import create_pool
from libs.common.embedded_postgres import EmbeddedPostgres
from services.ledger.store.durability import unsafe_settings
from services.ledger.tests.conftest import Node


@pytest.fixture
def settings_changes() -> dict[str, Any]:
    return {"ledger_accept_unsafe_server": False}


@pytest.mark.parametrize("postgres_server", ["embedded"], indirect=True)
async def test_a_ledger_on_a_hasty_server_is_not_ready(node: Node) -> None:
    """The tests' own embedded server forgets everything in a power cut, on purpose."""
    status, ready = await node.call("GET", "/health/ready")
    assert (status, ready["checks"]) == (503, {"database": True, "durability": False})


@pytest.mark.parametrize("postgres_server", ["server"], indirect=True)
async def test_a_ledger_on_a_server_with_the_defaults_is_ready(node: Node) -> None:
    status, ready = await node.call("GET", "/health/ready")
    assert (status, ready["checks"]) == (200, {"database": True, "durability": True})


async def test_one_setting_that_a_login_turned_off_is_named(tmp_path: Any) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    await server.start()
    try:
        sound = await create_pool(server.url("postgres"), size_max=1)
        assert await unsafe_settings(sound) is None
        await sound.execute("alter role postgres set synchronous_commit = off")
        await sound.close()
        hasty = await create_pool(server.url("postgres"), size_max=1)
        sentence = await unsafe_settings(hasty)
        await hasty.close()
    finally:
        await server.stop()
    assert sentence is not None
    assert "synchronous_commit=off" in sentence
    assert "not ready" in sentence
    assert "fsync" not in sentence
