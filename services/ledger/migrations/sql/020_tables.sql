-- The tables. Amounts are bigint minor units, signed from the account's point of view.
CREATE FUNCTION luhn_valid(p_number text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT p_number ~ '^[0-9]{16}$' AND sum(CASE
        WHEN i % 2 = 0 THEN d
        WHEN d > 4 THEN 2 * d - 9
        ELSE 2 * d
    END) % 10 = 0
    FROM generate_series(1, 16) AS i, LATERAL (SELECT substr(p_number, i, 1)::int AS d) AS digit
$$;

CREATE TABLE account (
    id uuid PRIMARY KEY,
    number text NOT NULL UNIQUE,  -- its check digit is judged once, when it is inserted: it never changes
    entity_id uuid UNIQUE,
    kind text NOT NULL CHECK (kind IN ('member', 'community', 'mirror', 'system')),
    unit text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    may_trade boolean NOT NULL DEFAULT false,
    frozen boolean NOT NULL DEFAULT false,
    balance bigint NOT NULL DEFAULT 0,
    held_out bigint NOT NULL DEFAULT 0 CHECK (held_out >= 0),
    min_balance bigint NOT NULL CHECK (min_balance <= 0),
    max_balance bigint NOT NULL CHECK (max_balance >= 0),
    seq bigint NOT NULL DEFAULT 0,
    last_at timestamptz NOT NULL DEFAULT '-infinity',
    only_imported boolean NOT NULL DEFAULT true,
    band smallint NOT NULL DEFAULT 0,
    band_seq bigint NOT NULL DEFAULT 0,
    limits_seq bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    CHECK ((kind = 'member') = (entity_id IS NOT NULL)),
    CONSTRAINT account_within_limits CHECK (balance <= max_balance AND balance - held_out >= min_balance)
) WITH (fillfactor = 50);

CREATE TABLE membership (
    entity_id uuid NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (entity_id, user_id)
);

CREATE INDEX membership_user ON membership (user_id);

CREATE TABLE transfer_group (
    id uuid PRIMARY KEY,
    initiator uuid NOT NULL REFERENCES account,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL REFERENCES account,
    payee uuid NOT NULL REFERENCES account,
    amount bigint NOT NULL CHECK (amount > 0 AND amount <= 100000000000000),
    kind text NOT NULL CHECK (kind IN ('transfer', 'adminTransfer', 'refund', 'fee', 'import')),
    description text NOT NULL CHECK (length(description) <= 500),
    initiator text NOT NULL CHECK (initiator IN ('payer', 'payee', 'admin', 'group')),
    initiator_user text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    body_hash bytea NOT NULL,
    fee_total bigint NOT NULL DEFAULT 0 CHECK (fee_total >= 0),
    parent_id uuid REFERENCES transfer,
    group_id uuid,
    CHECK (payer <> payee)
);

CREATE INDEX transfer_payer ON transfer (payer, created_at);

CREATE INDEX transfer_payee ON transfer (payee, created_at);

CREATE INDEX transfer_parent ON transfer (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX transfer_of_group ON transfer (group_id) WHERE group_id IS NOT NULL;

CREATE TABLE hold (
    transfer_id uuid PRIMARY KEY REFERENCES transfer,
    payer uuid NOT NULL,
    payee uuid NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    expires_at timestamptz NOT NULL,
    remind_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX hold_payer ON hold (payer);

CREATE INDEX hold_payee ON hold (payee);

CREATE INDEX hold_expires ON hold (expires_at);

CREATE INDEX hold_remind ON hold (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE group_consent (
    group_id uuid NOT NULL REFERENCES transfer_group,
    account_id uuid NOT NULL REFERENCES account,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    at timestamptz NOT NULL,
    actor text,
    PRIMARY KEY (group_id, account_id)
);

CREATE TABLE resolution (
    transfer_id uuid PRIMARY KEY REFERENCES transfer,
    kind text NOT NULL CHECK (kind IN ('completed', 'rejected', 'cancelled', 'expired', 'refused_by_limit')),
    at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor IN ('payer', 'payee', 'admin', 'system')),
    actor_user text,
    reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500)
);

CREATE SEQUENCE entry_pos;

CREATE TABLE entry (
    account_id uuid NOT NULL,  -- that account and transfer exist and agree is judged for a whole statement at once
    seq bigint NOT NULL CHECK (seq > 0),
    transfer_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    balance_after bigint NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    pos bigint NOT NULL DEFAULT nextval('entry_pos')
);

CREATE INDEX entry_at ON entry (account_id, at);

-- After entry_at: while a table is empty both cost a plan the same, and then the younger index is taken.
ALTER TABLE entry ADD PRIMARY KEY (account_id, seq);

CREATE UNIQUE INDEX entry_by_pos ON entry (pos);

CREATE TABLE limit_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account,
    old_min bigint NOT NULL,
    old_max bigint NOT NULL,
    new_min bigint NOT NULL,
    new_max bigint NOT NULL,
    by text,
    reason text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX limit_change_account ON limit_change (account_id, id);

CREATE TABLE fee_rule (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    share_ppm integer NOT NULL CHECK (share_ppm BETWEEN 1 AND 1000000),
    payee uuid NOT NULL REFERENCES account,
    made_by text,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE fee_rule_end (
    rule_id uuid PRIMARY KEY REFERENCES fee_rule,
    ended_by text,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Blocks of entries by rising pos, closed by the sealer off the posting path.
CREATE TABLE block (
    n bigint PRIMARY KEY CHECK (n > 0),
    first_pos bigint NOT NULL,
    upto_pos bigint NOT NULL UNIQUE,
    count integer NOT NULL CHECK (count > 0),
    merkle_root bytea NOT NULL CHECK (length(merkle_root) = 32),
    previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    signature bytea,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (first_pos <= upto_pos)
);

CREATE TABLE idempotency (
    caller text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    body_hash bytea NOT NULL,
    code text NOT NULL,
    transfer_id uuid,
    outcome jsonb,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller, operation, key)
);

CREATE INDEX idempotency_at ON idempotency USING brin (at);
