"""The mail door to an SMTP server (RFC 5321), by `smtp://[user:password@]host[:port][?starttls=required|auto|off]` or `smtps://`."""

import ssl
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from services.notifier.mail.mime import message_of
from services.notifier.mail.port import Letter, MailRefused

IDLE_CONNECTIONS_MAX = 4


class SmtpDoor:
    """Keeps a few connections; one that the server has left meanwhile is noticed before a letter is given to it.

    Where a password is sent the connection has to be encrypted, unless the address says `starttls=off`.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        wish = parse_qs(parts.query).get("starttls", ["required" if parts.password else "auto"])[0]
        self._secure = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._secure else 587 if parts.username else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._start_tls = False if self._secure else {"required": True, "off": False}.get(wish)
        self._timeout_s = timeout_s
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, letter: Letter) -> None:
        message = message_of(letter)
        try:
            client = await self._connection()
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            raise MailRefused(f"no connection to the mail server: {fault}") from fault
        try:
            options = ["SMTPUTF8"] if message.needs_utf8 else []
            await client.sendmail(message.sender, message.to, message.raw, mail_options=options)
        except BaseException as fault:
            client.close()
            if isinstance(fault, aiosmtplib.SMTPException | OSError):
                raise refusal_of(fault) from fault
            raise
        self._give_back(client)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _connection(self) -> aiosmtplib.SMTP:
        while self._idle:
            client = self._idle.pop()
            try:
                await client.noop()
            except (aiosmtplib.SMTPException, OSError):
                client.close()
            else:
                return client
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._secure,
            start_tls=self._start_tls,
            timeout=self._timeout_s,
            tls_context=ssl.create_default_context(),
        )
        await client.connect()
        return client

    def _give_back(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append(client)
        else:
            client.close()


def refusal_of(fault: Exception) -> MailRefused:
    """A server's answer in our words. A 5yz to the receiver or to the letter is for good; all else may pass."""
    if isinstance(fault, aiosmtplib.SMTPRecipientsRefused):
        worst = fault.recipients[0]
        return MailRefused(f"receiver refused: {worst.code} {worst.message}", for_good=worst.code >= 500)
    if isinstance(fault, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        return MailRefused(f"refused: {fault.code} {fault.message}", for_good=fault.code >= 500)
    if isinstance(fault, aiosmtplib.SMTPNotSupported):
        return MailRefused(f"the mail server cannot take it: {fault}", for_good=True)
    return MailRefused(f"the mail server did not take it: {type(fault).__name__}: {fault}")
