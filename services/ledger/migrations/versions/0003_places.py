"""A list of transfers is counted without their accounts; books made by earlier code get the settings of today's functions."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parent.parent / "sql" / "lists"


def upgrade() -> None:
    """As the owner, like everything before."""
    op.execute("SET ROLE mccs_ledger_owner")
    for path in sorted(SQL.glob("*.sql")):
        op.execute(path.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
