"""Runs what a folder of SQL says in the name of the owner, who cannot log in."""

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run_as_owner(folder: str) -> None:
    """Every file of `sql/<folder>`, in the order of their names."""
    op.execute("SET ROLE mccs_ledger_owner")
    for path in sorted((SQL / folder).glob("*.sql")):
        op.execute(path.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
