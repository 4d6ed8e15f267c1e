"""Keeping notices: the bell's line and the mail, in the transaction of whoever has something to tell."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.inbox import first_time
from services.notifier.domain import KINDS, Kind, NewNotice, mail_id_of
from services.notifier.service.deps import Deps
from services.notifier.store import notices
from services.notifier.store.notices import NewMail


async def hear(deps: Deps, envelope: Envelope, effect: Callable[[Connection], Awaitable[None]]) -> None:
    """One message, one transaction: the inbox's row and everything that follows, once however often it comes."""
    async with transaction(deps.pool) as connection:
        if await first_time(connection, envelope):
            await effect(connection)
    deps.wake()


async def tell(deps: Deps, connection: Connection, event_id: str, at: datetime, news: Iterable[NewNotice]) -> None:
    """Keeps notices, what programs are to be told of them, and their mails. The same event tells each notice once."""
    for new in news:
        kind = KINDS[new.kind]
        notice_id = new.id_after(event_id)
        await notices.add_notice(
            connection,
            notice_id,
            event_id,
            kind=new.kind,
            audience=kind.audience,
            recipient_id=new.recipient_id or kind.audience,
            bell=kind.bell,
            params=new.params,
            at=at,
            told_programs=kind.audience in ("entity", "operator"),
            mail=_mail(deps, kind, new, notice_id),
            now=deps.clock(),
        )


def _mail(deps: Deps, kind: Kind, new: NewNotice, notice_id: str) -> NewMail | None:
    if not (deps.settings.operator_email if kind.audience == "operator" else kind.mail):
        return None
    optional = kind.audience != "operator" and not kind.mandatory and new.recipient_id is not None
    return NewMail(mail_id_of(notice_id), new.address, new.reply_to, new.language, new.secret_id, optional)
