"""A notifier that ends itself by SIGKILL between two steps: `python -m services.notifier.tests.dying POINT …`.

Everything in it is the real thing up to that point. Each letter that the door took is a line of the file `taken`.
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from libs.common.bus.port import Bus
from libs.common.bus.rabbit import RabbitBus
from libs.common.clock import utc_now
from libs.common.contracts.ledger import TransferProposedV1
from libs.common.contracts.notifier import NoticeSentV1
from libs.common.database import BY_INDEX, create_pool
from libs.common.envelope import Envelope
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.tests.doors import OPTIONS
from services.notifier.consumers import handlers
from services.notifier.mail.file import FileDoor
from services.notifier.mail.port import Letter
from services.notifier.service import mailing
from services.notifier.service.deps import Deps
from services.notifier.service.mailing import send_due
from services.notifier.settings import Settings
from services.notifier.store import mails, notices
from services.notifier.tests.conftest import FakePeers

TOPOLOGY: dict[str, tuple[str, ...]] = {NoticeSentV1.TYPE: ()}


class Door(FileDoor):
    """The mail folder; what it took stands in `taken` before anybody is told so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "mail")
        self._taken = folder / "taken"

    async def send(self, letter: Letter) -> None:
        await super().send(letter)
        with self._taken.open("a") as taken:
            taken.write(f"{letter.id}\n")


def dies_after(owner: Any, name: str) -> None:
    """The process is killed when this was done."""
    real = getattr(owner, name)

    async def last(*given: Any, **named: Any) -> None:
        await real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)


async def works(deps: Deps, bus: Bus, service: str, kind: str) -> tuple[Relay, asyncio.Event]:
    """Hears and tells; the relay that runs on, and what is set when there may be mail."""
    known = handlers(deps)[TransferProposedV1.TYPE]
    woken = asyncio.Event()

    async def hear(envelope: Envelope) -> None:
        await known(replace(envelope, type=TransferProposedV1.TYPE))
        woken.set()

    relay = Relay(PostgresOutbox(deps.pool), bus, poll_s=0.1)
    await relay.start()
    await bus.subscribe(service, {kind: hear})
    return relay, woken


async def main(point: str, amqp_url: str, database_url: str, folder: str, service: str, kind: str) -> None:
    """Until it dies."""
    bus = RabbitBus(amqp_url, replace(OPTIONS, topology=TOPOLOGY))
    match point:
        case "kept":
            dies_after(notices, "add_notices_once")
        case "taken_in_hand":
            dies_after(mails, "claim_mails")
        case "at_the_door":
            dies_after(Door, "send")
        case "settled":
            dies_after(mailing._Round, "_end")
        case "published":
            dies_after(bus, "publish")
    await bus.start()
    pool = await create_pool(database_url, size_max=4, session=BY_INDEX)
    deps, door = Deps(pool, utc_now, Settings()), Door(Path(folder))
    _, woken = await works(deps, bus, service, kind)
    while await woken.wait():
        woken.clear()
        while await send_due(deps, FakePeers(), door):
            pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
