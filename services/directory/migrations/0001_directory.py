"""The directory's documents, and beside them what is found by rows: people, terms, jobs, messages, the activity log."""

from alembic import op

from libs.common.outbox import OUTBOX_SQL

revision = "0001"
down_revision = None

ENTITIES = """
create table entity (
    id text collate "C" primary key,
    version bigint not null check (version > 0),
    doc jsonb not null,
    check (doc ->> '_id' = id),
    check ((doc -> 'version')::bigint = version),
    check (doc ->> 'status' in
        ('pending', 'rejected', 'accepted', 'tradingPending', 'tradingRejected', 'tradingAccepted')),
    check (jsonb_typeof(doc -> 'listed') = 'boolean' and jsonb_typeof(doc -> 'deleted') = 'boolean'),
    check (jsonb_array_length(doc -> 'offers') <= 10 and jsonb_array_length(doc -> 'wants') <= 10),
    check (jsonb_array_length(doc -> 'pictures') <= 5),
    check (length(doc -> 'texts' ->> 'name') <= 100 and length(doc -> 'texts' ->> 'description') <= 500),
    check (not ((doc -> 'deleted')::boolean and (doc -> 'listed')::boolean))
);
create index entity_name on entity ((doc -> 'keys' ->> 'name') collate "C", id)
    where not (doc -> 'deleted')::boolean;
create index entity_newest on entity ((doc ->> 'created_at') collate "C" desc, id desc)
    where not (doc -> 'deleted')::boolean;
create index entity_status on entity ((doc ->> 'status')) where not (doc -> 'deleted')::boolean;
create index entity_tags on entity using gin ((doc -> 'tags'));
create index entity_categories on entity using gin ((doc -> 'categories'));
create index entity_pictures on entity using gin ((doc -> 'picture_names'));
"""

PEOPLE = """
create table membership (
    entity_id text collate "C" not null,
    user_id text collate "C" not null,
    role text,
    sequence bigint not null,
    primary key (entity_id, user_id)
);
create index membership_user on membership (user_id) where role is not null;

create table person (
    user_id text collate "C" primary key,
    email text not null,
    email_verified boolean not null,
    sequence bigint not null,
    deleted boolean not null
);
"""

LINKS = """
create table favorite (
    entity_id text collate "C" not null,
    other_id text collate "C" not null,
    at timestamptz not null,
    primary key (entity_id, other_id)
);
create index favorite_other on favorite (other_id);

create table dismissal (
    entity_id text collate "C" not null,
    other_id text collate "C" not null,
    at timestamptz not null,
    primary key (entity_id, other_id)
);
create index dismissal_other on dismissal (other_id);

create table message (
    id text collate "C" primary key,
    from_entity_id text not null,
    to_entity_id text not null,
    by text not null,
    body text not null check (length(body) between 1 and 5000),
    sent_at timestamptz not null
);

create table note (
    key text collate "C" primary key,
    version bigint not null check (version > 0),
    value jsonb
);
"""

TERMS = """
create table term (
    id text collate "C" primary key,
    kind text not null check (kind in ('tag', 'category')),
    name text collate "C" not null check (length(name) between 1 and 50),
    key text collate "C" not null,
    letter text collate "C" not null,
    made_by_admin boolean not null default false,
    offers integer not null default 0,
    wants integer not null default 0,
    entities integer not null default 0,
    sequence bigint not null default 0,
    unique (kind, name)
);
create index term_key on term (kind, key, name);

create table job (
    id text collate "C" primary key,
    version bigint not null,
    doc jsonb not null
);
create index job_open on job (id) where doc ->> 'status' in ('waiting', 'running');

create table picture (
    name text collate "C" primary key,
    content bytea not null,
    content_type text not null,
    put_at timestamptz not null
);
"""

ACTIVITY = """
create table activity (
    id text collate "C" primary key,
    at timestamptz not null,
    doc jsonb not null
);
create index activity_at on activity (at desc, id desc);
create index activity_entity on activity ((doc ->> 'entity_id'), at desc);
create index activity_category on activity ((doc ->> 'category'), at desc);

create function activity_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the activity log cannot be edited' using errcode = 'restrict_violation';
end
$$;
create trigger activity_stays before update or delete on activity
    for each row execute function activity_stays();
create trigger activity_stays_whole before truncate on activity
    for each statement execute function activity_stays();
"""


def upgrade() -> None:
    for sql in (ENTITIES, PEOPLE, LINKS, TERMS, ACTIVITY, OUTBOX_SQL):
        op.execute(sql)
