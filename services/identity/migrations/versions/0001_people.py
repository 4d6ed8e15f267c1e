"""Users, who acts for which entity, sessions, failed logins, signing keys; outbox and inbox."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table users (
    id text primary key,
    email text not null check (char_length(email) between 3 and 100),
    email_key text not null unique,
    password_hash text not null,
    password_changed_at timestamptz not null,
    role text not null check (role in ('member', 'admin', 'operator')),
    first_name text not null default '' check (char_length(first_name) <= 100),
    last_name text not null default '' check (char_length(last_name) <= 100),
    telephone text not null default '' check (char_length(telephone) <= 25),
    language text not null default 'en',
    email_verified boolean not null default false,
    created_at timestamptz not null,
    last_login_at timestamptz,
    last_login_address text,
    previous_login_at timestamptz,
    previous_login_address text,
    version bigint not null default 1
);
create index users_by_name on users (last_name, id);

-- the profile of a signup, kept until the directory has it
create table pending_profiles (
    entity_id text primary key,
    user_id text not null,
    profile jsonb not null,
    created_at timestamptz not null
);

-- a row stays when somebody no longer acts for an entity (role null), so that the sequence of its event keeps rising
create table memberships (
    entity_id text not null,
    user_id text not null,
    role text check (role in ('owner', 'member')),
    since timestamptz not null,
    version bigint not null default 1,
    primary key (entity_id, user_id)
);
create index memberships_of_user on memberships (user_id) where role is not null;

create table sessions (
    id text primary key,
    user_id text not null references users on delete cascade,
    role text not null,
    kind text not null check (kind in ('api', 'browser')),
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    tokens_expire_at timestamptz not null,
    address text not null,
    agent text not null,
    ended_at timestamptz
);
create index sessions_of_user on sessions (user_id) where ended_at is null;
create index sessions_by_end on sessions (expires_at);

create table refresh_tokens (
    hash bytea primary key,
    session_id text not null references sessions on delete cascade,
    created_at timestamptz not null,
    used_at timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);

-- ended sessions and keys whose tokens have not run out by themselves
create table revocations (
    session_id text primary key,
    tokens_expire_at timestamptz not null
);
create index revocations_by_end on revocations (tokens_expire_at);

-- wrong passwords in a row, by a hash of the address that was typed, whether a user has it or not
create table attempts (
    account bytea primary key,
    failures integer not null default 0 check (failures >= 0),
    pending integer not null default 0 check (pending >= 0),
    pending_until timestamptz,
    locked_until timestamptz,
    updated_at timestamptz not null
);
create index attempts_by_time on attempts (updated_at);

create table address_failures (
    address text primary key,
    failures integer not null,
    until timestamptz not null
);

-- browsers and programs from which a user has logged in, by a hash, to tell a new one
create table devices (
    user_id text not null references users on delete cascade,
    device bytea not null,
    seen_at timestamptz not null,
    primary key (user_id, device)
);

create table signing_keys (
    kid text primary key,
    public_jwk jsonb not null,
    private_sealed bytea not null,
    created_at timestamptz not null,
    signs_from timestamptz not null,
    published_until timestamptz
);

-- refusals of one caller that were counted instead of told
create table refusals (
    caller text not null,
    action text not null,
    told integer not null,
    counted bigint not null,
    until timestamptz not null,
    primary key (caller, action)
);

-- links that work once: verification, reset, invitation
create table one_time_tokens (
    id text primary key,
    kind text not null check (kind in ('verification', 'reset', 'invitation')),
    user_id text references users on delete cascade,
    email text not null,
    email_key text not null,
    entity_id text,
    role text not null default 'member',
    invited_by text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    secret_hash bytea unique,
    issued_at timestamptz,
    used_at timestamptz
);
create index one_time_tokens_of_user on one_time_tokens (user_id, kind) where used_at is null;
create index one_time_tokens_of_entity on one_time_tokens (entity_id) where used_at is null;
create index one_time_tokens_by_end on one_time_tokens (expires_at);

create table second_factors (
    user_id text primary key references users on delete cascade,
    secret_sealed bytea not null,
    confirmed_at timestamptz,
    last_step bigint not null default 0,
    recovery_hashes bytea[] not null default '{}'
);

create table api_keys (
    id text primary key,
    entity_id text not null,
    name text not null,
    scopes text[] not null,
    rate_per_minute integer not null,
    hint text not null,
    secret_hash bytea not null,
    created_by text not null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    last_used_address text,
    tokens_expire_at timestamptz,
    revoked_at timestamptz
);
create index api_keys_of_entity on api_keys (entity_id) where revoked_at is null;
create index api_keys_of_user on api_keys (created_by) where revoked_at is null;
"""


def upgrade() -> None:
    """An empty database becomes identity's."""
    from libs.common.inbox import INBOX_SQL
    from libs.common.outbox import OUTBOX_SQL

    op.execute(OUTBOX_SQL)
    op.execute(INBOX_SQL)
    op.execute(TABLES)
