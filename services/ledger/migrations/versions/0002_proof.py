"""The proof: sealed blocks with their leaves, the auditor's findings, what the guards were when they were set."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parent.parent / "sql" / "proof"


def upgrade() -> None:
    """As the owner, like everything before."""
    op.execute("SET ROLE mccs_ledger_owner")
    for path in sorted(SQL.glob("*.sql")):
        op.execute(path.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
