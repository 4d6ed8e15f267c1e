"""The gateway's settings."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    """What the gateway knows beside what every service knows."""

    rate_per_minute: int = Field(
        60, ge=1, le=1_000_000, description="requests a minute for one anonymous client; logged in, ten times as many"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",), description="origins whose pages may call /api from a browser, separated by commas; `-` for none"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas"
    )
    metrics_from: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1/128"), description="addresses or networks that may read /metrics, separated by commas"
    )
    large_body_max_bytes: int = Field(
        8_388_608, ge=1024, description="largest request body of batches, imports and pictures"
    )
    compress_min_bytes: int = Field(1_400, ge=0, description="answers shorter than this are not compressed")

    robot_check: Literal["none", "hcaptcha", "recaptcha"] = Field(
        "none",
        description="who judges whether a person sends signups, logins and the like: none, hcaptcha or recaptcha",
    )
    robot_check_site_key: str = Field("", description="public key of the community at that service")
    robot_check_secret: SecretStr = Field(SecretStr(""), description="secret of the community at that service")

    @model_validator(mode="after")
    def _robot_check_has_its_keys(self) -> Self:
        if self.robot_check != "none" and not (
            self.robot_check_site_key and self.robot_check_secret.get_secret_value()
        ):
            raise ValueError("MCCS_ROBOT_CHECK needs MCCS_ROBOT_CHECK_SITE_KEY and MCCS_ROBOT_CHECK_SECRET")
        return self

    @field_validator("cors_origins", "trusted_proxies", "metrics_from", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip() not in {"", "-"})

    @field_validator("trusted_proxies", "metrics_from")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each, strict=False)
        return value
