"""A process of the ledger that ends itself by SIGKILL at a named point: `python -m services.ledger.tests.dying POINT …`.

Everything in it is the real thing up to that point; the line it prints before says what was done and never told.
"""

import asyncio
import functools
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn, cast

from libs.common.bus.rabbit import RabbitBus
from libs.common.database import create_pool
from libs.common.envelope import Envelope
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.tests.doors import OPTIONS
from services.ledger.consumers import handlers
from services.ledger.service.ledger import Ledger
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.inbox import Heard
from services.ledger.store.postings import Outcome, Postings

OPENING = {"unit": "CR", "min_balance": 0, "max_balance": 50_000}


def _die(last_words: object) -> NoReturn:
    print(last_words, flush=True)  # noqa: T201  read by the test
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives SIGKILL")


def before_answer(operation: str, at_call: str) -> None:
    """The API; after this many calls of an operation have committed, and before anybody is answered."""
    committing = getattr(Postings, operation)
    calls = 0

    @functools.wraps(committing)
    async def last(self: Postings, items: Sequence[Any]) -> list[Outcome]:
        nonlocal calls
        outcomes: list[Outcome] = await committing(self, items)
        calls += 1
        if calls == int(at_call):
            _die(sum(outcome.code == "ok" for outcome in outcomes))
        return outcomes

    setattr(Postings, operation, last)
    runpy.run_module("services.ledger.bench.server", run_name="__main__")


class _DiesPublished(RabbitBus):
    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        _die(len(await super().publish(envelopes)))


class _DiesCommitted(Heard):
    async def registered(self, envelope: Envelope, *, entity_id: str, name: str, owner_user_id: str | None) -> str:
        _die(await super().registered(envelope, entity_id=entity_id, name=name, owner_user_id=owner_user_id))


async def before_delete(url: str, amqp_url: str, service: str, kind: str) -> None:
    """A relay; after the broker has confirmed, and before the outbox forgets."""
    bus = _DiesPublished(amqp_url, replace(OPTIONS, topology={kind: (service,)}))
    await bus.start()
    await Relay(PostgresOutbox(await create_pool(url)), bus).drain()


async def before_ack(url: str, amqp_url: str, service: str, kind: str) -> None:
    """A consumer; after its commit, and before the broker is told."""
    heard = _DiesCommitted(await create_pool(url, role=SERVICE_ROLE), **OPENING)  # type: ignore[arg-type]
    bus = RabbitBus(amqp_url, OPTIONS)
    await bus.start()
    await bus.subscribe(service, listening(heard, kind))
    await asyncio.Event().wait()


def listening(heard: Heard, kind: str) -> dict[str, Any]:
    """The ledger's own handler of a registration, for events of a type that nobody else hears."""
    own = handlers(cast("Ledger", SimpleNamespace(told=lambda: None)), heard)
    return {kind: own["directory.entity.registered.v1"]}


if __name__ == "__main__":
    point, *values = sys.argv[1:]
    if point == "before_answer":
        before_answer(*values)
    else:
        asyncio.run({"before_delete": before_delete, "before_ack": before_ack}[point](*values))
