"""The books: roles, tables, what they refuse, and the functions that alone may change them."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Everything belongs to an owner role that nobody can log in as."""
    from libs.common.inbox import INBOX_SQL
    from libs.common.outbox import OUTBOX_SQL

    op.execute((SQL / "010_roles.sql").read_text(encoding="utf-8"))
    op.execute("SET ROLE mccs_ledger_owner")
    op.execute(OUTBOX_SQL)
    # a NOTIFY inside a posting would let postings commit one after the other only; the service notifies after the commit
    op.execute("DROP TRIGGER outbox_told ON outbox")
    op.execute(INBOX_SQL)
    for path in sorted(SQL.glob("[0-9]*.sql"))[1:]:
        op.execute(path.read_text(encoding="utf-8"))
    op.execute("RESET ROLE")
