"""The directory's settings, from environment variables and `.env`."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from libs.common.settings import CommonSettings
from services.directory.domain.profile import INC_TYPES
from services.directory.service.deps import Rules


class Settings(CommonSettings):
    """Everything the directory can be told."""

    directory_url: str = Field(
        "embedded:", description="the directory's store: `embedded:`, postgresql://… or mongodb://…"
    )
    directory_owner_url: str = Field(
        "", description="the same database as its owner, for migrations; empty: directory_url"
    )
    verify_email: bool | None = Field(
        None,
        description="an entity is listed only after one of its users confirmed an address; "
        "empty: no in development, yes in production",
    )
    contact_per_hour: int = Field(20, ge=1, le=100_000, description="contact messages of one entity in an hour at most")
    contact_copy_to_operator: bool = Field(
        default=False, description="the operator gets a copy of every contact message"
    )
    inc_types: Annotated[tuple[str, ...], NoDecode] = Field(
        INC_TYPES, description="kinds of incorporation that a profile may name, separated by commas"
    )
    picture_max_bytes: int = Field(8_388_608, ge=1024, description="largest picture that is taken, in bytes")
    picture_pixels_max: int = Field(40_000_000, ge=10_000, description="largest picture that is taken, in pixels")
    job_look_s: float = Field(1.0, gt=0, description="how often renames and deletes left over by others are looked for")
    housekeeping_s: float = Field(
        3600.0, gt=0, description="how often pictures that nobody shows are dropped and counts are checked"
    )

    @field_validator("inc_types", mode="before")
    @classmethod
    def _split_types(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def owner_url(self) -> str:
        """Where migrations run."""
        return self.directory_owner_url or self.directory_url

    @property
    def rules(self) -> Rules:
        """What the use cases go by."""
        return Rules(
            inc_types=self.inc_types,
            must_verify=self.env == "production" if self.verify_email is None else self.verify_email,
            contact_per_hour=self.contact_per_hour,
            contact_copy_to_operator=self.contact_copy_to_operator,
            picture_pixels_max=self.picture_pixels_max,
        )
