"""Writing and handing over mail: claimed, written at that moment, sent by the door, and settled.

A mail is in the hands of one process for a bounded time. The secret in a link is made by identity while the mail is being
written and is kept nowhere here. Only where a process dies between the mail server's yes and the commit, or that yes is
lost on its way, is a mail sent again; it then carries the same Message-ID.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from libs.common import outbox
from libs.common.contracts.notifier import NoticeFailedV1, NoticeSentV1
from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from libs.common.gathered import Gathered
from libs.common.ids import derived_id, new_id
from libs.common.peers import Caller, Peers
from services.notifier.domain import KINDS, retry_delay_s
from services.notifier.mail.port import Letter, MailDoor, MailRefused
from services.notifier.render import bodies_of
from services.notifier.service.deps import Deps
from services.notifier.store import mails, notices, people
from services.notifier.store.mails import ClaimedMail, EndedMail
from services.notifier.store.people import Addressee
from services.notifier.words.kinds import words_of

WRITING_TIME_MAX_S = 30.0
LEASE_MARGIN_S = 30.0
Ends = Gathered[EndedMail, None]
"""Mails that come to their end while others' ends are being written are written with the next."""

log = structlog.get_logger("notifier.mail")


class NotNow(Exception):  # noqa: N818
    """The mail cannot be written yet."""


class NoLonger(Exception):  # noqa: N818
    """Nobody waits for this mail any more."""


async def send_due(deps: Deps, peers: Peers, door: MailDoor) -> int:
    """Sends what is due, a few at once; how many were in hand."""
    now = deps.clock()
    lease_s = deps.settings.mail_timeout_s + WRITING_TIME_MAX_S + LEASE_MARGIN_S
    async with deps.pool.acquire() as connection:
        claimed = await mails.claim_mails(
            connection,
            new_id(),
            now=now,
            until=now + timedelta(seconds=lease_s),
            limit=deps.settings.mail_parallel_max,
        )
    ends: Ends = Gathered(lambda ended: _end(deps, ended), size_max=deps.settings.mail_parallel_max, at_once=1)
    async with asyncio.TaskGroup() as group:
        for mail in claimed:
            group.create_task(_send(deps, peers, door, mail, ends))
    return len(claimed)


async def _send(deps: Deps, peers: Peers, door: MailDoor, mail: ClaimedMail, ends: Ends) -> None:
    try:
        async with asyncio.timeout(WRITING_TIME_MAX_S):
            letter = await _write(deps, peers, mail)
        async with asyncio.timeout(deps.settings.mail_timeout_s):
            await door.send(letter)
    except NoLonger as reason:
        await ends.one(EndedMail(mail, "void", str(reason)))
    except NotNow as reason:
        await _later(deps, mail, str(reason), ends)
    except TimeoutError:
        await _later(deps, mail, "took too long", ends)
    except MailRefused as refusal:
        if refusal.for_good:
            await ends.one(EndedMail(mail, "failed", refusal.reason))
        else:
            await _later(deps, mail, refusal.reason, ends)
    except Exception as fault:  # one mail that cannot be written must not hold up the others
        log.exception("mail.fault", mail_id=mail.id, kind=mail.kind)
        await _later(deps, mail, f"{type(fault).__name__}: {fault}"[:500], ends)
    else:
        await ends.one(EndedMail(mail, "sent"))


async def _write(deps: Deps, peers: Peers, mail: ClaimedMail) -> Letter:
    settings = deps.settings
    to, reader, unsubscribe_url = await _addressee(deps, mail)
    language = deps.language(mail.language or reader.language)
    secret = {} if mail.secret_id is None else {"token": await _secret(peers, mail.secret_id)}
    words = words_of(mail.kind, language, mail.params | secret)
    bodies = bodies_of(
        words,
        language,
        node=settings.node_name,
        base=settings.public_address,
        name=reader.name,
        unsubscribe_url=unsubscribe_url,
    )
    return Letter(
        id=mail.id,
        sender=settings.mail_from,
        sender_name=settings.node_name,
        to=to,
        subject=words.title,
        text=bodies.text,
        html=bodies.html,
        at=mail.at,
        language=language.code,
        reply_to=mail.reply_to,
        unsubscribe_url=unsubscribe_url,
        headers={"X-MCCS-Notice": mail.kind},
    )


async def _addressee(deps: Deps, mail: ClaimedMail) -> tuple[str, Addressee, str | None]:
    """Where it goes (an entity's address as it is now, a person's as the event gave it) and where this kind of mail is
    switched off. Else NotNow or NoLonger."""
    if mail.audience == "operator":
        if not deps.settings.operator_email:
            raise NoLonger("there is no operator's address")
        return deps.settings.operator_email, Addressee(), None
    async with deps.pool.acquire() as connection:
        if mail.audience == "entity":
            reader = await people.entity(connection, mail.recipient_id)
            address = reader.address or mail.address
        elif mail.audience == "user":
            reader = await people.person(connection, mail.recipient_id)
            address = mail.address or reader.address
        else:
            reader, address = Addressee(), mail.address
        if reader.gone:
            raise NoLonger("the receiver is gone")
        if not address:
            raise NotNow("the address is not known yet")
        return address, reader, await _unsubscribe_url(deps, connection, mail)


async def _secret(peers: Peers, secret_id: str) -> str:
    try:
        answer = await peers.call("identity", "POST", f"/one-time-tokens/{secret_id}/issue", caller=Caller())
    except Refusal as refusal:
        if refusal.status in (400, 404, 409, 410):
            raise NoLonger(f"identity: {refusal}") from refusal
        raise NotNow(f"identity: {refusal}") from refusal
    return str(answer.json()["token"])


async def _unsubscribe_url(deps: Deps, connection: Connection, mail: ClaimedMail) -> str | None:
    if KINDS[mail.kind].mandatory:
        return None
    token = await notices.unsubscribe_token(connection, mail.recipient_id, mail.kind, secrets.token_urlsafe(24))
    return f"{deps.settings.public_address}/unsubscribe/{token}"


async def _later(deps: Deps, mail: ClaimedMail, reason: str, ends: Ends) -> None:
    settings = deps.settings
    if mail.tries >= settings.mail_tries_max:
        await ends.one(EndedMail(mail, "failed", reason))
        return
    delay_s = retry_delay_s(mail.tries, first_s=settings.mail_retry_first_s, max_s=settings.mail_retry_max_s)
    log.warning("mail.later", mail_id=mail.id, kind=mail.kind, tries=mail.tries, delay_s=delay_s, reason=reason)
    async with deps.pool.acquire() as connection:
        await mails.postpone(connection, mail, due_at=deps.clock() + timedelta(seconds=delay_s), reason=reason)


async def _end(deps: Deps, ended: Sequence[EndedMail]) -> Sequence[None]:
    """The mails' ends, told in the same transaction; nothing of those that another process has meanwhile."""
    now = deps.clock()
    async with transaction(deps.pool) as connection:
        own = [each for each in ended if await mails.end_mail(connection, each, now)]
        await outbox.add(connection, [_told(each, now) for each in own if each.state != "void"])
    for each in ended:
        mail = each.mail
        log.info("mail.ended", mail_id=mail.id, kind=mail.kind, state=each.state, tries=mail.tries, reason=each.reason)
    return [None] * len(ended)


def _told(ended: EndedMail, now: datetime) -> Envelope:
    mail = ended.mail
    event = (
        NoticeSentV1(notice_id=mail.notice_id, kind=mail.kind)
        if ended.state == "sent"
        else NoticeFailedV1(notice_id=mail.notice_id, kind=mail.kind, reason=ended.reason or "")
    )
    return event.envelope(subject=mail.notice_id, sequence=1, time=now, id=derived_id(event.TYPE, mail.notice_id))
