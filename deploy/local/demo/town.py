"""The demo town as it lies in `members.csv`: people who do not exist, of a town that does not exist."""

import csv
import unicodedata
from dataclasses import dataclass
from importlib.resources import files

PASSWORD = "Barter-town-1"  # noqa: S105  printed at start, refused in production together with the demo itself
ADMIN_EMAIL = "admin@demo.example"
WAITING = {
    "Tischlerei Astwerk": "pending",
    "Weir Theatre Company": "pending",
    "Hilltop Community Kitchen": "tradingPending",
}
"""Members who wait for the admin, so that the admin's first page has something to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """One row: a person and the entity they act for."""

    name: str
    first_name: str
    last_name: str
    language: str
    inc_type: str
    categories: tuple[str, ...]
    description: str
    offers: tuple[str, ...]
    wants: tuple[str, ...]

    @property
    def email(self) -> str:
        """`<first name>@demo.example`, in ASCII; first names are unique in the town."""
        plain = unicodedata.normalize("NFKD", self.first_name).encode("ascii", "ignore").decode().lower()
        return f"{plain.replace(' ', '-')}@demo.example"

    @property
    def status(self) -> str:
        """Where the admin's decisions leave this member."""
        return WAITING.get(self.name, "tradingAccepted")

    def limits(self) -> tuple[int, int]:
        """Largest debt and largest credit in whole units: businesses get more than single people."""
        return (500, 1500) if self.inc_type == "sole" else (1000, 3000)


def members() -> list[Member]:
    """All members, in the order of the file."""
    text = files(__package__).joinpath("members.csv").read_text(encoding="utf-8")
    return [_member(row) for row in csv.DictReader(text.splitlines())]


def _member(row: dict[str, str]) -> Member:
    return Member(
        name=row["name"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        language=row["language"],
        inc_type=row["inc_type"],
        categories=tuple(row["categories"].split(";")),
        description=row["description"],
        offers=tuple(row["offers"].split(";")),
        wants=tuple(row["wants"].split(";")),
    )
