"""Which entities changed since a moment: each carries the transaction that wrote it last."""

from alembic import op

revision = "0002"
down_revision = "0001"

CHANGES = """
-- two steps: a column that has its default from the beginning would be written into every row
alter table entity add column changed xid8;
alter table entity alter column changed set default pg_current_xact_id();
create index entity_changed on entity (changed) where changed is not null;

create function entity_changes() returns trigger language plpgsql as $$
begin
    new.changed := pg_current_xact_id();
    return new;
end
$$;
create trigger entity_changes before update on entity for each row execute function entity_changes();
"""


def upgrade() -> None:
    op.execute(CHANGES)
