"""The activity log hears of every fault of the books that somebody declares repaired."""

from services.ledger.migrations.owned import run_as_owner

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """As the owner, like everything before."""
    run_as_owner("cleared")
