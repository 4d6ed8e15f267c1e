"""Fixtures of the gateway's tests."""

import pytest

from gateway.tests.house import House, furnished


@pytest.fixture
def house() -> House:
    """The gateway over services that answer everything that the published operations ask."""
    return furnished(House(rate_per_minute=100_000))
