"""Dead letters on the command line, straight from the bus."""

import argparse
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from deploy.local.folder import DataFolder
from deploy.local.node import BUS_DATABASE, Node
from libs.common.bus import open_bus
from libs.common.bus.port import Bus, DeadLetter
from libs.common.clock import rfc3339
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.settings import CommonSettings, load

SHOWN_MAX = 1000


async def handle(options: argparse.Namespace) -> int:
    """`mccs dead list|show|replay|drop SERVICE [ID…]`; 1 where an id is not there."""
    async with _bus() as bus:
        letters = await bus.dead(options.service, limit=SHOWN_MAX)
        if options.action == "list":
            _print(letters, as_json=options.json, whole=False)
            return 0
        chosen = [letter for letter in letters if letter.envelope.id in options.ids]
        if options.action == "show":
            _print(chosen, as_json=options.json, whole=True)
            done = len(chosen)
        elif options.action == "replay":
            done = await bus.replay(options.service, options.ids)
            print(f"{done} handed to {options.service} again.")
        else:
            done = await bus.drop(options.service, options.ids)
            print(f"{done} dropped.")
    return 0 if done == len(set(options.ids)) else 1


@asynccontextmanager
async def _bus() -> AsyncIterator[Bus]:
    """The bus of the settings; the memory door's table in the running node's database, or in one started for this."""
    settings = load(CommonSettings)
    node: Node | None = None
    url = ""
    if settings.bus_url == "memory:":
        folder = DataFolder(settings.data)
        folder.prepare()
        if not folder.operator_socket.exists():
            node = Node(listen=False)
            await node.start()
        url = EmbeddedPostgres(folder.postgres).url(BUS_DATABASE, f"{BUS_DATABASE}_owner")
    bus = open_bus(settings, memory_database_url=url)
    try:
        await bus.start()
        yield bus
    finally:
        await bus.close()
        if node is not None:
            await node.stop()


def _print(letters: list[DeadLetter], *, as_json: bool, whole: bool) -> None:
    if as_json:
        print(json.dumps([_shape(letter, whole=whole) for letter in letters], indent=2, ensure_ascii=False))
        return
    for letter in letters:
        print(f"{letter.envelope.id}  {rfc3339(letter.died_at)}  {letter.envelope.type}  tries {letter.attempts}")
        print(f"    {letter.reason}")
        if whole:
            print(json.dumps(letter.envelope.data, indent=2, ensure_ascii=False))
    if not letters:
        print("None.")


def _shape(letter: DeadLetter, *, whole: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": letter.envelope.id,
        "type": letter.envelope.type,
        "subject": letter.envelope.subject,
        "died_at": rfc3339(letter.died_at),
        "tries": letter.attempts,
        "reason": letter.reason,
    }
    return shape | {"data": letter.envelope.data} if whole else shape
