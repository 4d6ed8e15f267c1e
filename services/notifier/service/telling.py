"""Keeping notices: the bell's line and the mail, in the transaction of whoever has something to tell.

Messages that only tell something are kept in sets: those that came together are remembered in the inbox, and their notices
kept, by one statement. A message that changes what the notifier knows has a transaction of its own.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.gathered import Gathered
from libs.common.inbox import first_time
from services.notifier.domain import KINDS, NewNotice, mail_id_of
from services.notifier.service.deps import Deps
from services.notifier.store import notices
from services.notifier.store.notices import KeptNotice, NewMail

SET_MAX = 100
"""Messages that are kept by one statement at most; the bus hands out no more at once by default."""
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
"""What fails for every message of a set alike."""


async def hear(deps: Deps, envelope: Envelope, effect: Callable[[Connection], Awaitable[None]]) -> None:
    """One message, one transaction: the inbox's row and everything that follows, once however often it comes."""
    async with transaction(deps.pool) as connection:
        if await first_time(connection, envelope):
            await effect(connection)
    deps.wake()


async def tell(deps: Deps, connection: Connection, event_id: str, at: datetime, news: Iterable[NewNotice]) -> None:
    """Keeps notices, what programs are to be told of them, and their mails. The same event tells each notice once."""
    await notices.add_notices(connection, _kept(deps, event_id, at, news), now=deps.clock())


@dataclass(frozen=True, slots=True)
class Told:
    """A message and the notices that follow from it."""

    event_id: str
    notices: Sequence[KeptNotice]


class Teller:
    """Hears messages that only tell something; each once, however often it comes."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._sets: Gathered[Told, Exception | None] = Gathered(self._keep, size_max=SET_MAX, at_once=1)

    async def hear(self, envelope: Envelope, news: Sequence[NewNotice]) -> None:
        """Returns after the commit; raises what kept this message from being told. What tells nothing leaves no trace."""
        if not news:
            return
        told = Told(envelope.id, _kept(self._deps, envelope.id, envelope.time, news))
        fault = await self._sets.one(told)
        if fault is not None:
            raise fault

    async def _keep(self, told: Sequence[Told]) -> Sequence[Exception | None]:
        """All at once; where one of them cannot be kept, each alone, so that it holds up no other."""
        try:
            async with self._deps.pool.acquire() as connection:
                await notices.add_notices_once(
                    connection,
                    [each.event_id for each in told],
                    [notice for each in told for notice in each.notices],
                    now=self._deps.clock(),
                )
        except Exception as fault:  # noqa: BLE001  told to whoever it concerns
            if len(told) == 1 or isinstance(fault, _AWAY):
                return [fault] * len(told)
            return [fault for each in told for fault in await self._keep([each])]
        self._deps.wake()
        return [None] * len(told)


def _kept(deps: Deps, event_id: str, at: datetime, news: Iterable[NewNotice]) -> list[KeptNotice]:
    return [_notice(deps, event_id, at, new) for new in news]


def _notice(deps: Deps, event_id: str, at: datetime, new: NewNotice) -> KeptNotice:
    kind = KINDS[new.kind]
    notice_id = new.id_after(event_id)
    is_mailed = bool(deps.settings.operator_email) if kind.audience == "operator" else kind.mail
    optional = kind.audience != "operator" and not kind.mandatory and new.recipient_id is not None
    mail = NewMail(mail_id_of(notice_id), new.address, new.reply_to, new.language, new.secret_id, optional)
    return KeptNotice(
        id=notice_id,
        event_id=event_id,
        kind=new.kind,
        audience=kind.audience,
        recipient_id=new.recipient_id or kind.audience,
        bell=kind.bell,
        params=new.params,
        at=at,
        told_programs=kind.audience in ("entity", "operator"),
        mail=mail if is_mailed else None,
    )
