"""Chooses the mail door by `MCCS_MAIL_URL`."""

from pathlib import Path

from services.notifier.mail.file import FileDoor
from services.notifier.mail.port import MailDoor
from services.notifier.mail.sendgrid import SendgridDoor
from services.notifier.mail.smtp import SmtpDoor
from services.notifier.settings import Settings


def folder_of(settings: Settings) -> Path:
    """Where the `file:` door writes."""
    return settings.data / "mail"


def door_of(settings: Settings) -> MailDoor:
    """The door of these settings; it does not connect before its first letter."""
    if settings.mail_url == "file:":
        return FileDoor(folder_of(settings))
    if settings.mail_url.startswith("sendgrid:"):
        key = settings.sendgrid_key.get_secret_value()
        return SendgridDoor(settings.mail_url, key=key, timeout_s=settings.mail_timeout_s)
    return SmtpDoor(settings.mail_url, timeout_s=settings.mail_timeout_s)
