"""Fixtures of the gateway's tests."""

import pytest

from gateway.tests.house import House, furnished


@pytest.fixture(scope="session")
def built() -> House:
    """The gateway, put together once: its pages take a moment."""
    return House(rate_per_minute=1_000_000)


@pytest.fixture
def house(built: House) -> House:
    """The gateway over services that answer everything that the published operations ask, and were asked nothing yet."""
    built.services.routes.clear()
    built.services.asked.clear()
    built.gateway.public_reads.drop()
    built.gateway.context.refusals._counted.clear()
    return furnished(built)
