"""A letter as a MIME message. `email.message` with a strict policy refuses line breaks in headers; blanks take their place."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from services.notifier.mail.port import Letter, MailRefused

MESSAGE_ID_DOMAIN_MAX = 200
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PLAIN = re.compile(r"^[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]+@[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]+$")


def one_line(text: str) -> str:
    """The text as a header may carry it: no line breaks, no control characters."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def address_of(address: str, name: str = "") -> Address:
    """A mail address; a domain in other scripts becomes its ASCII form. Raises MailRefused for good when it is none."""
    local, at, domain = address.rpartition("@")
    if not at or not _PLAIN.match(address):
        raise MailRefused("not a mail address", for_good=True)
    try:
        return Address(one_line(name), username=local, domain=domain.encode("idna").decode("ascii"))
    except (UnicodeError, ValueError, MessageError):
        raise MailRefused("not a mail address", for_good=True) from None


def message_id(letter: Letter) -> str:
    """The same for every try of a letter, so that a reader's program shows a letter that came twice once."""
    domain = address_of(letter.sender).domain[:MESSAGE_ID_DOMAIN_MAX]
    return f"<{letter.id}@{domain}>"


def headers_of(letter: Letter) -> dict[str, str]:
    """Headers beside sender, receiver and subject, the same at every door."""
    headers = {
        "Message-ID": message_id(letter),
        "Auto-Submitted": "auto-generated",
        "Content-Language": letter.language,
    }
    if letter.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers | {name: one_line(value) for name, value in letter.headers.items()}


def message_of(letter: Letter) -> EmailMessage:
    """The letter as text and HTML. Raises MailRefused for good when an address in it is none."""
    to = address_of(letter.to)
    message = EmailMessage(policy=SMTP if to.username.isascii() else SMTPUTF8)
    message["From"] = address_of(letter.sender, letter.sender_name)
    message["To"] = to
    if letter.reply_to:
        message["Reply-To"] = address_of(letter.reply_to)
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(letter.at)
    for name, value in headers_of(letter).items():
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message
