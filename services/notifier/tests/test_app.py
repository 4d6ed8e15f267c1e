"""The whole notifier: an event on the bus becomes a mail and an event of its own, and it starts and stops cleanly."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from libs.common.bus import open_bus
from libs.common.bus.port import Bus
from libs.common.clock import utc_now
from libs.common.envelope import Envelope
from libs.common.service import Wiring
from libs.common.testing.waiting import eventually
from services.notifier import app
from services.notifier.mail.file import stored_letters
from services.notifier.settings import Settings
from services.notifier.tests import events
from services.notifier.tests.conftest import FakePeers
from services.notifier.tests.test_api import Verifier


async def prepare(url: str) -> None:
    await app.migrate(Settings(notifier_url=url))


@asynccontextmanager
async def running(settings: Settings, bus: Bus) -> AsyncIterator[app.NotifierService]:
    service = app.build(settings, Wiring(bus=bus, peers=FakePeers(), verifier=Verifier(), clock=utc_now))
    await service.start("both")
    try:
        yield service
    finally:
        await service.stop()
        await service.stop()


@pytest.fixture
async def bus_of(postgres_from: Callable[..., Awaitable[str]]) -> AsyncIterator[Callable[[], Awaitable[Bus]]]:
    """Processes of the memory door, all on one database."""

    async def nothing(url: str) -> None:
        return

    url = await postgres_from("bus", nothing)
    opened: list[Bus] = []

    async def make() -> Bus:
        bus = open_bus(Settings(bus_url="memory:"), memory_database_url=url)
        await bus.start()
        opened.append(bus)
        return bus

    yield make
    for bus in opened:
        await bus.close()


async def test_events_become_mails_once_with_two_copies_running_and_are_told(postgres_from, bus_of, tmp_path):
    settings = Settings(
        notifier_url=await postgres_from("notifier app", prepare), data=tmp_path, operator_email="operator@example.org",
        mail_retry_first_s=0.2,  # a mail may come before its receiver's address is known
    )  # fmt: skip
    heard: list[str] = []

    async def hear(envelope: Envelope) -> None:
        heard.append(envelope.data["kind"])

    bus, other_bus = await bus_of(), await bus_of()
    await bus.subscribe("directory", {"notifier.notice.sent.v1": hear})
    async with running(settings, bus) as service, running(settings, other_bus):
        news: list[Any] = [events.entity_changed(), events.proposed(), events.user_registered()]
        poison = Envelope(id="poison", type=news[1].type, source="ledger", subject="x", time=events.NOW, data={})
        assert len(await bus.publish([news[1], poison, news[0], news[2]])) == 4
        await bus.publish(news)
        await eventually(lambda: len(stored_letters(tmp_path / "mail")) == 3, within_s=10)
        await eventually(lambda: sorted(heard) == ["new_signup", "transfer_proposed", "welcome"], within_s=10)
        assert await service._database_answers()
    letters = stored_letters(tmp_path / "mail")
    assert sorted(letter.to for letter in letters) == [
        "entity-rosa@example.org",
        "operator@example.org",
        "u1@example.org",
    ]
    assert not await service._database_answers()
