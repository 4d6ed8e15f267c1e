"""The ledger's settings, from environment variables and `.env`."""

from decimal import Decimal
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, model_validator

from libs.common.money import AMOUNT_MAX_MINOR, MINOR_PER_UNIT
from libs.common.settings import CommonSettings

SERVICE_ROLE = "mccs_ledger_service"
RELAY_ROLE = "mccs_ledger_relay"
AUDITOR_ROLE = "mccs_ledger_auditor"
OWNER_ROLE = "mccs_ledger_owner"


class Settings(CommonSettings):
    """Everything the ledger can be told."""

    ledger_url: str = Field("embedded:", description="the ledger's database: `embedded:` or postgresql://…")
    ledger_owner_url: str = Field("", description="the same database as its owner, for migrations; empty: ledger_url")
    max_negative: Decimal = Field(
        Decimal(0), ge=0, le=10**12, decimal_places=2, description="how far below zero a new account may go, in units"
    )
    max_positive: Decimal = Field(
        Decimal(500), ge=0, le=10**12, decimal_places=2, description="how far above zero a new account may go, in units"
    )
    proposal_lifetime_s: int = Field(
        2_592_000, ge=1, le=31_536_000, description="seconds after which a proposal expires; acted on within 10 s"
    )
    proposal_reminder_s: int = Field(
        259_200, ge=0, description="seconds before the expiry at which both parties are reminded; 0: not at all"
    )
    ledger_reserve: bool = Field(
        default=True,
        description="a payer's proposal reserves its amount, so that accepting it cannot fail for the payer",
    )
    ledger_batch_max: int = Field(200, ge=1, le=1000, description="requests that one posting transaction takes at most")
    ledger_queue_max: int = Field(
        2000, ge=1, le=100_000, description="requests that wait for one kind of posting at most; beyond it 503"
    )
    ledger_clock_s: float = Field(2.0, gt=0, le=5, description="how often due expiries and reminders are looked for")
    ledger_outcomes_kept_days: int = Field(
        60, ge=1, le=3650, description="days for which an Idempotency-Key finds its first outcome"
    )
    ledger_signing_key: SecretStr = Field(
        SecretStr(""),
        description="secret from which the keys that sign and salt the proof follow, at least 32 characters; "
        "empty in development: from the service secret",
    )
    ledger_accept_unsafe_server: bool = Field(
        default=False,
        description="be ready though the database may lose commits in a power cut (tests); refused in production",
    )

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.env == "production" and self.ledger_accept_unsafe_server:
            raise ValueError("MCCS_LEDGER_ACCEPT_UNSAFE_SERVER is for tests: remove it in production")
        if self.env == "production" and len(self.ledger_signing_key.get_secret_value()) < 32:
            raise ValueError("MCCS_LEDGER_SIGNING_KEY must be set to a secret of at least 32 characters in production")
        return self

    @property
    def proof_secret(self) -> str:
        """What the ledger's own keys follow from."""
        return self.ledger_signing_key.get_secret_value() or self.service_secret.get_secret_value()

    @property
    def owner_url(self) -> str:
        """Where migrations run."""
        return self.ledger_owner_url or self.ledger_url

    @property
    def login_role(self) -> str:
        """The database role that the service logs in as; empty where the URL names none."""
        return unquote(urlsplit(self.ledger_url).username or "")

    @property
    def min_balance_minor(self) -> int:
        """Lower limit of a new account, 0 or below."""
        return -self._minor(self.max_negative)

    @property
    def max_balance_minor(self) -> int:
        """Upper limit of a new account."""
        return self._minor(self.max_positive)

    @staticmethod
    def _minor(units: Decimal) -> int:
        return min(int(units * MINOR_PER_UNIT), AMOUNT_MAX_MINOR)
