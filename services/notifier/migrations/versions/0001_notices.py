"""The notifier's tables: whom it knows, what was told, mail on its way, preferences, matches."""

from alembic import op

from libs.common.inbox import INBOX_SQL
from libs.common.outbox import OUTBOX_SQL

revision = "0001"
down_revision = None

PEOPLE = """
create table person (
    user_id text primary key,
    email text,
    first_name text not null default '',
    language text,
    role text not null default 'member',
    deleted boolean not null default false
);
create table entity (
    entity_id text primary key,
    name text not null,
    email text,
    listed boolean not null default false,
    daily_matches boolean not null default false,
    offers text[] not null default '{}',
    wants text[] not null default '{}',
    deleted boolean not null default false
);
create table membership (
    entity_id text not null,
    user_id text not null,
    role text,
    since timestamptz not null,
    primary key (entity_id, user_id)
);
create index membership_user on membership (user_id);
comment on table membership is 'role null: ended, and remembered so that an older event does not bring it back';
"""

NOTICES = """
create table notice (
    id text primary key,
    event_id text not null,
    kind text not null,
    audience text not null check (audience in ('user', 'entity', 'operator', 'address')),
    recipient_id text not null check ((recipient_id = audience) = (audience in ('operator', 'address'))),
    bell boolean not null,
    params jsonb not null,
    at timestamptz not null
);
create index notice_bell on notice (recipient_id, at desc, id desc) where bell;
create index notice_age on notice (at);
comment on column notice.recipient_id is 'a user, an entity, or just the audience where that is one only';
create table reader (
    user_id text primary key,
    read_before timestamptz not null
);
create table notice_read (
    user_id text not null,
    notice_id text not null references notice on delete cascade,
    read_at timestamptz not null,
    primary key (user_id, notice_id)
);
create index notice_read_notice on notice_read (notice_id);
create table preference (
    subject_id text not null,
    kind text not null,
    channel text not null check (channel in ('mail', 'bell')),
    wanted boolean not null,
    primary key (subject_id, kind, channel)
);
create table unsubscribe_token (
    token text primary key,
    subject_id text not null,
    kind text not null,
    unique (subject_id, kind)
);
"""

MAIL = """
create table mail (
    id text primary key,
    notice_id text not null unique references notice on delete cascade,
    address text,
    reply_to text,
    language text,
    secret_id text,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed', 'void')),
    tries integer not null default 0 check (tries >= 0),
    due_at timestamptz not null,
    created_at timestamptz not null,
    ended_at timestamptz check ((ended_at is not null) = (state <> 'waiting')),
    claim text,
    reason text
);
create index mail_due on mail (due_at) where state = 'waiting';
create index mail_ended on mail (ended_at) where state <> 'waiting';
comment on column mail.claim is 'the process that has it in hand; a mail in hand is due again when its time is up';
"""

MATCHES = """
create table match (
    entity_id text not null,
    other_id text not null,
    side text not null check (side in ('offer', 'want')),
    mine text not null,
    theirs text not null,
    how text not null,
    score double precision not null,
    found_at timestamptz not null,
    told boolean not null default false,
    primary key (entity_id, other_id, side, mine, theirs),
    check (entity_id <> other_id)
);
create index match_untold on match (entity_id) where not told;
create index match_other on match (other_id);
create table digest (
    entity_id text not null,
    day date not null,
    primary key (entity_id, day)
);
comment on table match is 'one row per side of a pair: who is told, about whom, by which of the own tags and of theirs';
"""


def upgrade() -> None:
    for part in (OUTBOX_SQL, INBOX_SQL, PEOPLE, NOTICES, MAIL, MATCHES):
        op.execute(part)
