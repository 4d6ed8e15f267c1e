"""Keeping notices: the bell's line and the mail, in the transaction of whoever has something to tell."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.inbox import first_time
from services.notifier.domain import KINDS, NewNotice, mail_id_of
from services.notifier.service.deps import Deps
from services.notifier.store import mails, notices, webhooks


async def hear(deps: Deps, envelope: Envelope, effect: Callable[[Connection], Awaitable[None]]) -> None:
    """One message, one transaction: the inbox's row and everything that follows, once however often it comes."""
    async with transaction(deps.pool) as connection:
        if await first_time(connection, envelope):
            await effect(connection)
    deps.wake()


async def tell(deps: Deps, connection: Connection, event_id: str, at: datetime, news: Iterable[NewNotice]) -> None:
    """Keeps notices and their mails. The same event tells each notice once."""
    for new in news:
        kind = KINDS[new.kind]
        notice_id = new.id_after(event_id)
        kept = await notices.add_notice(
            connection,
            notice_id,
            event_id,
            kind=new.kind,
            audience=kind.audience,
            recipient_id=new.recipient_id,
            bell=kind.bell,
            params=new.params,
            at=at,
        )
        if not kept:
            continue
        if kind.audience in ("entity", "operator"):
            await webhooks.add_deliveries(
                connection, notice_id, new.recipient_id or kind.audience, kind.name, deps.clock()
            )
        if await _wants_mail(deps, connection, new):
            await mails.add_mail(
                connection,
                mail_id_of(notice_id),
                notice_id,
                address=new.address,
                reply_to=new.reply_to,
                language=new.language,
                secret_id=new.secret_id,
                now=deps.clock(),
            )


async def _wants_mail(deps: Deps, connection: Connection, new: NewNotice) -> bool:
    kind = KINDS[new.kind]
    if kind.audience == "operator":
        return bool(deps.settings.operator_email)
    if not kind.mail or kind.mandatory or new.recipient_id is None:
        return kind.mail
    return (new.recipient_id, kind.name, "mail") not in await notices.switched_off(connection, [new.recipient_id])
