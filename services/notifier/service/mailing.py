"""Writing and handing over mail: claimed, written at that moment, sent by the door, and settled.

A mail is in the hands of one process for a bounded time. The secret in a link is made by identity while the mail is being
written and is kept nowhere here. Only where a process dies between the mail server's yes and the commit, or that yes is
lost on its way, is a mail sent again; it then carries the same Message-ID.
"""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from libs.common import outbox
from libs.common.contracts.notifier import NoticeFailedV1, NoticeSentV1
from libs.common.courtesy import Turn
from libs.common.database import Connection, transaction
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
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
IN_HAND_PER_PLACE = 8
"""Mails that are taken at once for each that is sent at once."""
SETTLE_WITHIN_S = 0.02
"""A mail's end is written with those that come within this time, unless no other comes."""

log = structlog.get_logger("notifier.mail")


class NotNow(Exception):  # noqa: N818
    """The mail cannot be written yet."""


class NoLonger(Exception):  # noqa: N818
    """Nobody waits for this mail any more."""


async def send_due(deps: Deps, peers: Peers, door: MailDoor) -> int:
    """Takes what is due in hand and sends it, a few at once; how many were in hand."""
    now, settings = deps.clock(), deps.settings
    lease_s = settings.mail_timeout_s + WRITING_TIME_MAX_S + LEASE_MARGIN_S
    async with deps.pool.acquire() as connection:
        claimed = await mails.claim_mails(
            connection,
            new_id(),
            now=now,
            until=now + timedelta(seconds=lease_s),
            limit=settings.mail_parallel_max * IN_HAND_PER_PLACE,
        )
        if claimed:
            receivers = await _receivers(deps, connection, claimed)
    if claimed:
        await _Round(deps, peers, door, claimed, receivers).send()
    return len(claimed)


class _Round:
    """Mails in hand on their way through the door."""

    def __init__(
        self, deps: Deps, peers: Peers, door: MailDoor, claimed: Sequence[ClaimedMail], receivers: "_Receivers"
    ) -> None:
        self._deps = deps
        self._peers = peers
        self._door = door
        self._waiting = deque(claimed)
        self._receivers = receivers
        self._begin_until = deps.clock() + timedelta(seconds=LEASE_MARGIN_S)
        self._ended: list[EndedMail] = []
        self._settling = asyncio.Lock()
        self._settles_soon = False
        self._at_work = deps.settings.mail_parallel_max
        self._over = asyncio.Event()
        self._rested_at = 0.0

    async def send(self) -> None:
        """Ends with the last one's end. What there is no time for, or what a stop leaves, is given back untried."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_work):
                    group.create_task(self._work(group))
        finally:
            await self._settle()
            if self._waiting:
                async with self._deps.pool.acquire() as connection:
                    await mails.give_back(connection, self._waiting, self._deps.clock())

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while self._waiting and self._deps.clock() <= self._begin_until:
            turn, mail = Turn(), self._waiting.popleft()
            ended = await self._try(mail)
            if ended is not None:
                self._ended.append(ended)
                if not self._settles_soon:
                    self._settles_soon = True
                    group.create_task(self._settle_soon())
            await self._rest(turn)
        self._at_work -= 1
        if not self._at_work:
            self._over.set()

    async def _rest(self, turn: Turn) -> None:
        """All rest together: one after the other they would be at work all the time."""
        now = asyncio.get_running_loop().time
        self._rested_at = max(self._rested_at, now() + turn.rest_s())
        while (left := self._rested_at - now()) > 0:  # noqa: ASYNC110  another may begin a longer rest meanwhile
            await asyncio.sleep(left)

    async def _try(self, mail: ClaimedMail) -> EndedMail | None:
        """How it ended; None where it is tried again later."""
        try:
            async with asyncio.timeout(WRITING_TIME_MAX_S):
                letter = await _write(self._deps, self._peers, mail, self._receivers)
            async with asyncio.timeout(self._deps.settings.mail_timeout_s):
                await self._door.send(letter)
        except NoLonger as reason:
            return EndedMail(mail, "void", str(reason))
        except NotNow as reason:
            return await self._later(mail, str(reason))
        except TimeoutError:
            return await self._later(mail, "took too long")
        except MailRefused as refusal:
            if refusal.for_good:
                return EndedMail(mail, "failed", refusal.reason)
            return await self._later(mail, refusal.reason)
        except Exception as fault:  # one mail that cannot be written must not hold up the others
            log.exception("mail.fault", mail_id=mail.id, kind=mail.kind)
            return await self._later(mail, f"{type(fault).__name__}: {fault}"[:500])
        return EndedMail(mail, "sent")

    async def _later(self, mail: ClaimedMail, reason: str) -> EndedMail | None:
        settings = self._deps.settings
        if mail.tries >= settings.mail_tries_max:
            return EndedMail(mail, "failed", reason)
        delay_s = retry_delay_s(mail.tries, first_s=settings.mail_retry_first_s, max_s=settings.mail_retry_max_s)
        log.warning("mail.later", mail_id=mail.id, kind=mail.kind, tries=mail.tries, delay_s=delay_s, reason=reason)
        async with self._deps.pool.acquire() as connection:
            due_at = self._deps.clock() + timedelta(seconds=delay_s)
            await mails.postpone(connection, mail, due_at=due_at, reason=reason)
        return None

    async def _settle_soon(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_WITHIN_S):
                await self._over.wait()
        self._settles_soon = False
        await self._settle()

    async def _settle(self) -> None:
        """Writes the ends that there are by now, one set at a time."""
        async with self._settling:
            ended = list(self._ended)
            if ended:
                await self._end(ended)
                del self._ended[: len(ended)]

    async def _end(self, ended: Sequence[EndedMail]) -> None:
        """The mails' ends, told in the same transaction; nothing of those that another process has meanwhile."""
        now = self._deps.clock()
        async with transaction(self._deps.pool) as connection:
            own = await mails.end_mails(connection, ended, now)
            told = [_told(each, now) for each in ended if each.mail.id in own and each.state != "void"]
            await outbox.add(connection, told)
        for each in ended:
            mail = each.mail
            log.info(
                "mail.ended", mail_id=mail.id, kind=mail.kind, state=each.state, tries=mail.tries, reason=each.reason
            )


@dataclass(frozen=True, slots=True)
class _Receivers:
    """To whom mails in hand go, as of when they were taken."""

    people: Mapping[str, Addressee]
    entities: Mapping[str, Addressee]
    tokens: Mapping[tuple[str, str], str]

    def of(self, mail: ClaimedMail) -> tuple[Addressee, str | None]:
        """An entity's address as it is now, a person's as the event gave it."""
        if mail.audience == "entity":
            reader = self.entities.get(mail.recipient_id, Addressee())
            return reader, reader.address or mail.address
        if mail.audience == "user":
            reader = self.people.get(mail.recipient_id, Addressee())
            return reader, mail.address or reader.address
        return Addressee(), mail.address


async def _receivers(deps: Deps, connection: Connection, claimed: Sequence[ClaimedMail]) -> _Receivers:
    ids = {
        audience: list({mail.recipient_id for mail in claimed if mail.audience == audience})
        for audience in ("user", "entity")
    }
    found = _Receivers(
        await people.persons(connection, ids["user"]) if ids["user"] else {},
        await people.entities(connection, ids["entity"]) if ids["entity"] else {},
        {},
    )
    optional = [
        (mail.recipient_id, mail.kind)
        for mail in claimed
        if not KINDS[mail.kind].mandatory and (reader := found.of(mail))[1] and not reader[0].gone
    ]
    if optional:
        tokens = await notices.unsubscribe_tokens(connection, optional, lambda: secrets.token_urlsafe(24))
        return replace(found, tokens=tokens)
    return found


async def _write(deps: Deps, peers: Peers, mail: ClaimedMail, receivers: _Receivers) -> Letter:
    settings = deps.settings
    to, reader, unsubscribe_url = _addressee(deps, mail, receivers)
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


def _addressee(deps: Deps, mail: ClaimedMail, receivers: _Receivers) -> tuple[str, Addressee, str | None]:
    """Where it goes, and where this kind of mail is switched off. Else NotNow or NoLonger."""
    if mail.audience == "operator":
        if not deps.settings.operator_email:
            raise NoLonger("there is no operator's address")
        return deps.settings.operator_email, Addressee(), None
    reader, address = receivers.of(mail)
    if reader.gone:
        raise NoLonger("the receiver is gone")
    if not address:
        raise NotNow("the address is not known yet")
    token = receivers.tokens.get((mail.recipient_id, mail.kind))
    return address, reader, f"{deps.settings.public_address}/unsubscribe/{token}" if token else None


async def _secret(peers: Peers, secret_id: str) -> str:
    try:
        answer = await peers.call("identity", "POST", f"/one-time-tokens/{secret_id}/issue", caller=Caller())
    except Refusal as refusal:
        if refusal.status in (400, 404, 409, 410):
            raise NoLonger(f"identity: {refusal}") from refusal
        raise NotNow(f"identity: {refusal}") from refusal
    return str(answer.json()["token"])


def _told(ended: EndedMail, now: datetime) -> Envelope:
    mail = ended.mail
    event = (
        NoticeSentV1(notice_id=mail.notice_id, kind=mail.kind)
        if ended.state == "sent"
        else NoticeFailedV1(notice_id=mail.notice_id, kind=mail.kind, reason=ended.reason or "")
    )
    return event.envelope(subject=mail.notice_id, sequence=1, time=now, id=derived_id(event.TYPE, mail.notice_id))
