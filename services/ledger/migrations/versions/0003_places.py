"""A list of transfers is counted without their accounts; operations look up by index alone."""

from services.ledger.migrations.owned import run_as_owner

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """As the owner, like everything before."""
    run_as_owner("lists")
