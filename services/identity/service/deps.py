"""What every use case is given, and the one transaction that each opens."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from libs.common import outbox
from libs.common.auth import TokenVerifier
from libs.common.clock import Clock
from libs.common.database import Connection, Pool, transaction
from libs.common.envelope import Envelope
from services.identity.domain.passwords import Common
from services.identity.domain.sessions import Session
from services.identity.hashing import Hasher
from services.identity.keyring import Keyring
from services.identity.sealing import Sealer
from services.identity.settings import Settings


@dataclass(frozen=True, slots=True)
class Client:
    """The program at the other end."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person by a verified token, or a service for itself."""

    id: str
    role: str
    session_id: str = ""

    @property
    def is_service(self) -> bool:
        return self.role == "service"

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


class Turnstile:
    """Where those wait in this process who want a check of an account while as many as may fail are under way."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    async def wait(self, key: str, within_s: float) -> None:
        """Returns when a check of the account ended here, or after the time."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[key].append(turn)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await turn
        finally:
            queue = self._waiting[key]
            with suppress(ValueError):
                queue.remove(turn)
            if not queue:
                self._waiting.pop(key, None)

    def free(self, key: str) -> None:
        """A check ended: the next one may try."""
        for turn in self._waiting.get(key, ()):
            if not turn.done():
                turn.set_result(None)
                return


@dataclass(slots=True)
class Deps:
    """The parts of identity."""

    settings: Settings
    clock: Clock
    pool: Pool
    hasher: Hasher
    sealer: Sealer
    keyring: Keyring
    common: Common
    verifier: TokenVerifier
    wake: Callable[[], None] = lambda: None
    """Tells the relay that something was told."""
    turnstile: Turnstile = field(default_factory=Turnstile)


@dataclass(slots=True)
class Unit:
    """One transaction: its connection, its time, and what it tells."""

    connection: Connection
    now: datetime
    told: list[Envelope] = field(default_factory=list)
    ended: list[tuple[str, datetime]] = field(default_factory=list)
    """Sessions and keys that it ended."""

    def tell(self, *envelopes: Envelope) -> None:
        """Events that are committed with the data."""
        self.told.extend(envelopes)

    def note_ended(self, sessions: list[Session]) -> None:
        """This process refuses their tokens as soon as it is committed."""
        self.ended.extend((session.id, session.tokens_expire_at) for session in sessions)


@asynccontextmanager
async def unit(deps: Deps) -> AsyncIterator[Unit]:
    """The transaction of a use case: data and events are committed together, or neither."""
    async with transaction(deps.pool) as connection:
        work = Unit(connection, deps.clock())
        yield work
        await outbox.add(connection, work.told)
    for session_id, until in work.ended:
        deps.verifier.forget_session(session_id, until)
    if work.told:
        deps.wake()
