"""Typed settings from environment variables and `.env`: what all services share, and the words for a wrong one."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.common.service import StartRefused

PREFIX = "MCCS_"
SERVICES = ("identity", "directory", "ledger", "matcher", "notifier")
DEVELOPMENT_SECRET = "development-only-secret-of-all-services"  # noqa: S105  refused in production
_POSTGRES = ("embedded:", "postgresql://")
STORE_DOORS = {
    "identity_url": _POSTGRES,
    "directory_url": (*_POSTGRES, "mongodb://", "mongodb+srv://"),
    "ledger_url": _POSTGRES,
    "matcher_url": ("memory:", "http://", "https://"),
    "notifier_url": _POSTGRES,
}
"""How the address of each service's store may begin."""
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@:]*):([^/@]*)@")


class CommonSettings(BaseSettings):
    """What every service knows. A service's own `Settings` adds its fields; each field says what it means."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, validate_default=False
    )

    env: Literal["development", "production"] = Field(
        "development",
        description="development or production; production refuses secrets and doors made for development",
    )
    allow_local_doors: bool = Field(
        default=False,
        description="in production, accept `memory:` and `file:` doors all the same (one-machine installation)",
    )
    data: Path = Field(Path("./var"), description="folder of the embedded stores")
    host: str = Field("127.0.0.1", description="address on which the gateway listens")
    port: int = Field(8000, ge=0, le=65535, description="port on which the gateway listens; 0 takes a free one")
    public_url: str = Field("", description="address in mails and links; empty: from host and port")
    bind_host: str = Field("127.0.0.1", description="address on which a service that runs by itself listens")
    bus_url: str = Field("memory:", description="`memory:` or amqp://… of RabbitMQ")
    identity_api_url: str = Field("http://127.0.0.1:8001", description="where identity answers, and listens")
    directory_api_url: str = Field("http://127.0.0.1:8002", description="where the directory answers, and listens")
    ledger_api_url: str = Field("http://127.0.0.1:8003", description="where the ledger answers, and listens")
    matcher_api_url: str = Field("http://127.0.0.1:8004", description="where the matcher answers, and listens")
    notifier_api_url: str = Field("http://127.0.0.1:8005", description="where the notifier answers, and listens")
    service_secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="secret of the tokens between services, at least 32 characters"
    )
    node_name: str = Field("MCCS", min_length=1, max_length=60, description="name of the community")
    unit: str = Field("CR", pattern=r"^[A-Z0-9]{1,12}$", description="code of the community's unit")
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="default language of pages and mails")
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        ("en", "es", "fr", "de"), description="languages the members write in, separated by commas"
    )
    time_zone: str = Field("UTC", description="the community's time zone; a plain date in a filter is its whole day")
    otlp_url: str = Field("", description="where traces are sent (OTLP over HTTP); empty: nowhere")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level of log lines")
    log_format: Literal["json", "console"] = Field("json", description="log lines as JSON or for the eye")
    body_max_bytes: int = Field(1_048_576, ge=1024, description="largest request body unless a route says otherwise")
    http_timeout_s: float = Field(10.0, gt=0, description="longest wait for another service's answer")
    connect_timeout_s: float = Field(30.0, gt=0, description="longest wait at start for a server that is not there yet")
    stop_timeout_s: float = Field(10.0, gt=0, description="longest wait at stop for work under way")
    statement_timeout_s: float = Field(10.0, gt=0, description="longest time of one database statement")
    database_pool_max: int = Field(8, ge=1, le=200, description="database connections of one process and role at most")
    relay_window_max: int = Field(500, ge=1, le=500, description="events that one publish window holds at most")
    relay_poll_s: float = Field(2.0, gt=0, description="how often the relay looks without having been woken")
    bus_prefetch_max: int = Field(50, ge=1, le=1000, description="messages that one process handles at once at most")
    bus_tries_max: int = Field(8, ge=1, le=100, description="tries of a message before it is a dead letter")
    bus_retry_first_s: float = Field(
        1.0, gt=0, description="wait before the second try; each further wait is thrice as long"
    )
    bus_retry_max_s: float = Field(900.0, gt=0, description="longest wait between two tries")

    @field_validator("languages", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value != "UTC" and value not in available_timezones():
            raise ValueError("it is not the name of a time zone, such as Europe/Berlin")
        return value

    @model_validator(mode="after")
    def _nothing_of_development_in_production(self) -> Self:
        if self.env != "production":
            return self
        secret = self.service_secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            raise ValueError("MCCS_SERVICE_SECRET must be set to a secret of at least 32 characters in production")
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str) and value.startswith(("memory:", "file:")) and not self.allow_local_doors:
                raise ValueError(
                    f"{variable(name)} is {value} in production: give a server's address, or set MCCS_ALLOW_LOCAL_DOORS=1"
                )
        return self

    @model_validator(mode="after")
    def _stores_have_a_door(self) -> Self:
        for name, doors in STORE_DOORS.items():
            value = getattr(self, name, None)
            if isinstance(value, str) and not value.startswith(doors):
                raise ValueError(f"{variable(name)} is wrong: it must begin with {' or '.join(doors)}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The community's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def public_address(self) -> str:
        """The address in mails and links, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def api_urls(self) -> dict[str, str]:
        """Where each service answers."""
        return {name: str(getattr(self, f"{name}_api_url")) for name in SERVICES}


S = TypeVar("S", bound=CommonSettings)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load(kind: type[S], **given: Any) -> S:
    """The settings from environment and `.env`; a wrong one raises StartRefused (status 2) that names the variable."""
    try:
        return kind(**given)
    except ValidationError as fault:
        raise StartRefused(sentence_of(fault), status=2) from None


def sentence_of(fault: ValidationError) -> str:
    """One sentence for everything that is wrong with the settings."""
    parts = []
    for problem in fault.errors(include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        name = variable(str(problem["loc"][0])) if problem["loc"] else ""
        wrong = _masked(name.removeprefix(PREFIX).lower(), problem["input"]) if name else ""
        parts.append(f"{name} is wrong ({wrong!r}): {message}" if name else message)
    return "; ".join(parts) + "."


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as `mccs settings` shows it."""

    variable: str
    value: str
    source: str
    """`environment`, `.env` or `default`."""
    meaning: str


def describe(kinds: Iterable[type[CommonSettings]]) -> list[Described]:
    """Every setting of these classes once: name, value (secrets masked), source, meaning."""
    of_file = {name.upper() for name in dotenv_values(".env")} if Path(".env").is_file() else set()
    of_environment = {name.upper() for name, value in os.environ.items() if value}
    found: dict[str, Described] = {}
    for kind in kinds:
        settings = load(kind)
        for field, about in kind.model_fields.items():
            name = variable(field)
            source = "environment" if name in of_environment else ".env" if name in of_file else "default"
            value = _masked(field, getattr(settings, field))
            found.setdefault(name, Described(name, value, source, about.description or ""))
    return list(found.values())


def _masked(field: str, value: object) -> str:
    if isinstance(value, SecretStr) or any(word in field for word in ("secret", "password", "_key")):
        return "********" if str(value) else ""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return _PASSWORD_IN_URL.sub(r"\1:********@", "" if value is None else str(value))
