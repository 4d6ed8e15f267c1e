"""The proof: sealed blocks with their leaves, the auditor's findings, what the guards were when they were set."""

from services.ledger.migrations.owned import run_as_owner

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """As the owner, like everything before."""
    run_as_owner("proof")
