"""Identity's settings, from environment variables and `.env`."""

from pydantic import Field, SecretStr

from libs.common.settings import CommonSettings
from services.identity.domain.lockout import Rule
from services.identity.domain.sessions import Lifetimes


class Settings(CommonSettings):
    """Everything identity can be told."""

    identity_url: str = Field("embedded:", description="identity's database: `embedded:` or postgresql://…")
    identity_owner_url: str = Field(
        "", description="the same database as its owner, for migrations; empty: identity_url"
    )
    identity_secret: SecretStr = Field(
        SecretStr(""),
        description="secret that encrypts signing keys and second factors in the database; empty: MCCS_SERVICE_SECRET",
    )
    login_tries_max: int = Field(3, ge=1, le=100, description="wrong passwords in a row that lock an account")
    lockout_s: int = Field(900, ge=1, le=86_400, description="seconds for which an account is locked")
    login_failures_per_address_max: int = Field(
        50, ge=1, description="failed logins from one address within the lockout time before it is throttled"
    )
    token_lifetime_s: int = Field(86_400, ge=60, le=2_592_000, description="lifetime of bearer tokens of API clients")
    browser_token_lifetime_s: int = Field(900, ge=10, le=86_400, description="lifetime of a browser's access token")
    refresh_lifetime_s: int = Field(
        1_209_600, ge=60, description="a browser's session ends when it was not used for this long"
    )
    session_lifetime_s: int = Field(7_776_000, ge=60, description="a browser's session ends this long after the login")
    sessions_per_user_max: int = Field(
        20,
        ge=1,
        le=200,
        description="sessions a user may have at once; a login beyond it ends the one used longest ago",
    )
    refresh_grace_s: int = Field(
        10, ge=0, le=60, description="a refresh token used again within this time is a lost answer, not a theft"
    )
    key_token_lifetime_s: int = Field(3600, ge=60, le=86_400, description="lifetime of access tokens of API keys")
    key_rate_per_minute: int = Field(
        120, ge=1, le=6000, description="requests a minute of an API key unless it says otherwise"
    )
    key_overlap_s: int = Field(
        60, ge=0, le=86_400, description="a new signing key is published this long before it signs"
    )
    admin_second_factor: bool = Field(default=False, description="admins and operators must use a second factor")
    hash_workers: int = Field(0, ge=0, le=64, description="password hashes computed at once; 0: one a core")
    hash_queue_max: int = Field(256, ge=1, description="password hashes that wait; beyond it 503")
    hash_memory_kib: int = Field(19_456, ge=8, description="memory of argon2id in KiB")
    hash_passes: int = Field(2, ge=1, le=20, description="passes of argon2id")

    @property
    def owner_url(self) -> str:
        """Where migrations run."""
        return self.identity_owner_url or self.identity_url

    @property
    def sealing_secret(self) -> str:
        """What keys and second factors are encrypted with."""
        return self.identity_secret.get_secret_value() or self.service_secret.get_secret_value()

    @property
    def lockout_rule(self) -> Rule:
        return Rule(self.login_tries_max, self.lockout_s)

    @property
    def lifetimes(self) -> Lifetimes:
        return Lifetimes(
            api_token_s=self.token_lifetime_s,
            browser_token_s=self.browser_token_lifetime_s,
            refresh_s=self.refresh_lifetime_s,
            refresh_grace_s=self.refresh_grace_s,
            session_s=self.session_lifetime_s,
        )
