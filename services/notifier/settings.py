"""The notifier's settings, from environment variables and `.env`."""

import re
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from libs.common.settings import CommonSettings

_ADDRESS = re.compile(r"^[^\s@<>,;]+@[^\s@<>,;]+$")


class Settings(CommonSettings):
    """Everything the notifier can be told."""

    notifier_url: str = Field("embedded:", description="the notifier's database: `embedded:` or postgresql://…")
    notifier_owner_url: str = Field(
        "", description="the same database as its owner, for migrations; empty: notifier_url"
    )
    mail_url: str = Field(
        "file:", description="`file:` (folder `mail` under the data folder), smtp://…, smtps://… or `sendgrid:`"
    )
    mail_from: str = Field("no-reply@localhost", description="address from which all mail comes")
    sendgrid_key: SecretStr = Field(SecretStr(""), description="key of SendGrid's API, for `sendgrid:`")
    operator_email: str = Field(
        "", description="who is told of new signups, applications and alarms; empty: nobody by mail"
    )
    signup_notice: bool = Field(default=True, description="tell the operator of each new signup")
    digest_hour: int = Field(7, ge=0, le=23, description="local hour from which the daily matches are mailed")
    notifier_niceness: int = Field(
        10,
        ge=0,
        le=19,
        description="how far the notifier's process stands back while others on its machine have work; 0: not at all",
    )
    mail_parallel_max: int = Field(4, ge=1, le=50, description="mails that one process sends at once at most")
    mail_timeout_s: float = Field(30.0, gt=0, le=300, description="longest time of handing one mail to the mail server")
    mail_tries_max: int = Field(24, ge=1, le=100, description="tries of a mail before it is given up")
    mail_retry_first_s: float = Field(
        10.0, gt=0, description="wait before a mail's second try; each further wait is thrice as long"
    )
    mail_retry_max_s: float = Field(14_400.0, gt=0, description="longest wait between two tries of a mail")
    mail_poll_s: float = Field(5.0, gt=0, description="how often waiting mail is looked for without having been woken")
    webhook_timeout_s: float = Field(10.0, gt=0, le=60, description="longest wait for a webhook's answer")
    webhook_tries_max: int = Field(
        12, ge=1, le=100, description="tries of a webhook before it is switched off; the waits are those of mail"
    )
    mail_kept_days: int = Field(30, ge=1, le=3650, description="days for which sent mail is remembered")
    notices_kept_days: int = Field(180, ge=1, le=3650, description="days for which notices stay in the bell")

    @field_validator("mail_from", "operator_email")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not _ADDRESS.match(value):
            raise ValueError("it is not an e-mail address")
        return value

    @field_validator("mail_url")
    @classmethod
    def _known_door(cls, value: str) -> str:
        if value != "file:" and not value.startswith("sendgrid:") and not _is_smtp(value):
            raise ValueError("it must be file:, smtp://host:port, smtps://host:port or sendgrid:")
        return value

    @model_validator(mode="after")
    def _sendgrid_needs_a_key(self) -> Self:
        if self.mail_url.startswith("sendgrid:") and not self.sendgrid_key.get_secret_value():
            raise ValueError("MCCS_SENDGRID_KEY must be set where MCCS_MAIL_URL is sendgrid:")
        return self

    @property
    def webhooks_may_be_private(self) -> bool:
        """Whether webhooks may go to private addresses and without TLS."""
        return self.env == "development"

    @property
    def owner_url(self) -> str:
        """Where migrations run."""
        return self.notifier_owner_url or self.notifier_url


def _is_smtp(value: Any) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
