"""Whose memberships changed since a moment: each carries the transaction that wrote it last, as entities do."""

from alembic import op

revision = "0003"
down_revision = "0002"

CHANGES = """
-- two steps: a column that has its default from the beginning would be written into every row
alter table membership add column changed xid8;
alter table membership alter column changed set default pg_current_xact_id();
create index membership_changed on membership (changed) where changed is not null;
create trigger membership_changes before update on membership for each row execute function entity_changes();
"""


def upgrade() -> None:
    op.execute(CHANGES)
