"""A letter as a MIME message (RFC 5322, 2045 to 2047, 6532). No line break gets into a header: blanks take their place.

Headers are written by `email.mime`: `email.message` would parse again what is written here. The bodies are put below by
themselves. A letter was a third of the work that a payment leaves to do.
"""

import re
from binascii import b2a_qp
from dataclasses import dataclass
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.mime.multipart import MIMEMultipart
from email.policy import Compat32
from email.utils import format_datetime

from services.notifier.mail.port import Letter, MailRefused

MESSAGE_ID_DOMAIN_MAX = 200
PLAIN_MAX = 900
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


class _AsGiven(Compat32):
    """Headers are written as `_words` made them; to fold each anew was half of a letter's work."""

    def fold_binary(self, name: str, value: str) -> bytes:
        lines = value.replace("\n", self.linesep)
        return f"{name}: {lines}{self.linesep}".encode()


_AS_GIVEN = _AsGiven(linesep="\r\n", mangle_from_=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What is handed over."""

    sender: str
    to: str
    raw: bytes

    @property
    def needs_utf8(self) -> bool:
        """Whether an address is one of those that only SMTPUTF8 carries."""
        return not self.raw.isascii()


def message_of(letter: Letter) -> Message:
    """The letter as text and HTML. Raises MailRefused for good when an address in it is none."""
    sender, to = address_of(letter.sender, letter.sender_name), address_of(letter.to)
    boundary = f"=_{letter.id}"  # which is nowhere in a quoted-printable body
    message = MIMEMultipart("alternative", boundary=boundary)
    message["From"] = _mailbox(sender)
    message["To"] = to.addr_spec
    if letter.reply_to:
        message["Reply-To"] = address_of(letter.reply_to).addr_spec
    message["Date"] = format_datetime(letter.at)
    for name, value in {"Subject": one_line(letter.subject), **headers_of(letter)}.items():
        message[name] = _words(name, value)
    message.set_payload(_parts(boundary, plain=letter.text, html=letter.html))
    return Message(sender.addr_spec, to.addr_spec, message.as_bytes(policy=_AS_GIVEN))


def _parts(boundary: str, **bodies: str) -> str:
    """What stands below the headers: every letter has the same two parts, so nothing is gained by making objects of them."""
    written = [
        f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{_quoted(text)}\r\n"
        for kind, text in bodies.items()
    ]
    return "".join([*written, f"--{boundary}--\r\n"])


def _quoted(text: str) -> str:
    """Quoted-printable (RFC 2045), written by what is compiled: `email.charset` goes through each body sign by sign."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").replace("\n", "\r\n")
    return b2a_qp(f"{lines}\r\n".encode(errors="replace")).decode("ascii")


def _mailbox(address: Address) -> str:
    if _is_plain(address.display_name):
        return str(address)
    return f"{_words('From', address.display_name)} <{address.addr_spec}>"


def _words(name: str, text: str) -> str:
    """As a header carries it."""
    return text if _is_plain(text) else Header(text, "utf-8", header_name=name).encode()


def _is_plain(text: str) -> bool:
    """Whether it may stand in a header as it is."""
    return text.isascii() and "=?" not in text and len(text) <= PLAIN_MAX
