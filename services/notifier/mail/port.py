"""The mail door: hands one letter to a mail server. `file`, `smtp` and `sendgrid` are its doors, with one contract suite.

At least once: when a server took a letter and its answer got lost, the letter is sent again with the same Message-ID.
Otherwise once: a letter is handed over by one process only, and never again after the server took it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, written. `id` is the same each time it is tried."""

    id: str
    sender: str
    sender_name: str
    to: str
    subject: str
    text: str
    html: str
    at: datetime
    language: str = "en"
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class MailDoor(Protocol):
    """Hands letters over; any number at once."""

    async def send(self, letter: Letter) -> None:
        """Returns when the server has taken the letter. Raises MailRefused, for now or for good."""

    async def close(self) -> None:
        """Gives connections back."""


class MailRefused(Exception):  # noqa: N818  an answer of the mail server
    """The letter was not taken. `for_good`: this letter will never be taken, such as one to an address that is none."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason[:500]
        self.for_good = for_good
