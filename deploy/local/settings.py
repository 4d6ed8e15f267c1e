"""The node's own setting beside those of its services."""

from typing import Self

from pydantic import Field, model_validator

from libs.common.settings import CommonSettings


class NodeSettings(CommonSettings):
    """What the one-process node knows for itself."""

    demo: bool | None = Field(
        default=None, description="load the demo community on first start; default 1, in production 0 and refused"
    )

    @model_validator(mode="after")
    def _no_demo_in_production(self) -> Self:
        if self.env == "production" and self.demo:
            raise ValueError("MCCS_DEMO must be 0 in production: the demo's passwords are public")
        return self

    @property
    def wants_demo(self) -> bool:
        """Whether the demo community is to be there."""
        return self.env == "development" if self.demo is None else self.demo
