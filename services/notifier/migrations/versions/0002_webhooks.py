"""Webhooks: programs that are told what an entity, or the operator, is told."""

from alembic import op

revision = "0002"
down_revision = "0001"

WEBHOOKS = """
create table webhook (
    id text primary key,
    owner text not null,
    url text not null,
    secret text not null,
    kinds text[] not null,
    created_by text not null,
    created_at timestamptz not null,
    active boolean not null default true
);
create index webhook_owner on webhook (owner);
comment on column webhook.owner is 'an entity, or operator';
comment on column webhook.kinds is 'empty: all';
create table delivery (
    id text primary key,
    webhook_id text not null references webhook on delete cascade,
    notice_id text not null references notice on delete cascade,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
    tries integer not null default 0 check (tries >= 0),
    due_at timestamptz not null,
    ended_at timestamptz check ((ended_at is not null) = (state <> 'waiting')),
    claim text,
    reason text,
    unique (webhook_id, notice_id)
);
create index delivery_due on delivery (due_at) where state = 'waiting';
create index delivery_notice on delivery (notice_id);
"""


def upgrade() -> None:
    op.execute(WEBHOOKS)
