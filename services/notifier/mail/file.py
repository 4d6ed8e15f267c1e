"""The mail door of a machine without a mail server: each letter becomes an `.eml` in a folder."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from libs.common.ids import is_id
from services.notifier.mail.mime import message_of
from services.notifier.mail.port import Letter, MailRefused


class FileDoor:
    """Writes to a file beside and renames it: whoever reads the folder sees whole letters only, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letter: Letter) -> None:
        raw = message_of(letter).raw
        try:
            await asyncio.to_thread(self._write, f"{letter.id}.eml", raw)
        except OSError as fault:
            raise MailRefused(f"the mail folder cannot be written: {fault.strerror}") from fault

    async def close(self) -> None:
        return

    def _write(self, name: str, raw: bytes) -> None:
        beside = self._folder / f".{name}.{os.getpid()}"
        try:
            file = beside.open("wb")
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = beside.open("wb")
        with file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / name)


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """What lies in the folder, read back."""

    id: str
    at: datetime
    sender: str
    to: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    headers: dict[str, str]


def stored_letters(folder: Path, *, to: str | None = None, limit: int = 50) -> list[StoredLetter]:
    """The newest letters of the folder, newest first; `to` narrows to a receiver."""
    paths = sorted(folder.glob("[!.]*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found: list[StoredLetter] = []
    for path in paths:
        letter = _read(path)
        if to is None or letter.to.casefold() == to.casefold():
            found.append(letter)
        if len(found) == limit:
            break
    return found


def stored_letter(folder: Path, letter_id: str) -> StoredLetter | None:
    """One of them by its id; None where there is none."""
    path = folder / f"{letter_id}.eml"
    return _read(path) if is_id(letter_id) and path.is_file() else None


def _read(path: Path) -> StoredLetter:
    message = message_from_bytes(path.read_bytes(), policy=default)
    if not isinstance(message, EmailMessage):  # the policy makes it one
        raise TypeError(path.name)
    return StoredLetter(
        id=path.stem,
        at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        sender=str(message["From"]),
        to=str(message["To"]),
        reply_to=str(message["Reply-To"]) if message["Reply-To"] else None,
        subject=str(message["Subject"]),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        headers={name: str(value) for name, value in message.items()},
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
