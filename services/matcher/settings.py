"""Settings of the matcher."""

from typing import Literal

from pydantic import Field, field_validator

from libs.common.settings import CommonSettings


class Settings(CommonSettings):
    """What the matcher needs beside the common settings."""

    matcher_url: str = Field("memory:", description="`memory:` or http(s)://… of Elasticsearch")
    matcher_index: str = Field(
        "mccs-entities",
        pattern=r"^[a-z][a-z0-9-]{0,60}$",
        description="name under which the index is known in Elasticsearch",
    )
    matcher_copies: int = Field(1, ge=1, description="matcher processes that run; `memory:` allows one")
    matcher_shards: int = Field(1, ge=1, le=32, description="parts of the index in Elasticsearch")
    matcher_replicas: int = Field(0, ge=0, le=4, description="further copies of each part in Elasticsearch")
    matcher_timeout_s: float = Field(5.0, gt=0, description="longest wait for an answer of Elasticsearch")

    @field_validator("matcher_url")
    @classmethod
    def _known_door(cls, value: str) -> str:
        if value != "memory:" and not value.startswith(("http://", "https://")):
            raise ValueError("it must be `memory:` or an http(s):// address of Elasticsearch")
        return value

    @property
    def door(self) -> Literal["memory", "elastic"]:
        """Which index it is."""
        return "memory" if self.matcher_url == "memory:" else "elastic"
