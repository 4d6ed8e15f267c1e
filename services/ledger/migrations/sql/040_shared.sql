-- What several operations use. Owner only: they are reached from functions that run as the owner and pin the search path,
-- so they pin nothing themselves (each SET clause costs microseconds on the posting path).
-- SQL functions of one expression are put into the query that uses them; any other would be planned at each call, so the
-- rest is PL/pgSQL.
-- The operations' plans are made once a session, often while the books are still empty: nothing tells the planner then that
-- a join by hashing, merging or of a kept whole table will not stay the cheapest. So they may only look up by index: those
-- that declare enable_seqscan = off are given the other settings in lists/010_places.sql.
CREATE FUNCTION new_id() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    -- UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, version 7, chance
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE FUNCTION rfc3339(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- How far from zero, as shares of the account's limits: within a fifth is near (0), beyond three fifths is far (2).
CREATE FUNCTION band_of(p_balance bigint, p_min bigint, p_max bigint) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_balance < 0 AND p_balance * 5.0 <= p_min * 3.0 THEN -2
        WHEN p_balance < 0 AND p_balance * 5.0 <= p_min THEN -1
        WHEN p_balance > 0 AND p_balance * 5.0 >= p_max * 3.0 THEN 2
        WHEN p_balance > 0 AND p_balance * 5.0 >= p_max THEN 1
        ELSE 0
    END::smallint
$$;

CREATE FUNCTION listed(p_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_status IN ('accepted', 'tradingPending', 'tradingRejected', 'tradingAccepted')
$$;

-- Binds a header to its words: in the proof a leaf carries this instead of the text.
CREATE FUNCTION header_hash(p_id uuid, p_payer uuid, p_payee uuid, p_amount bigint, p_kind text, p_description text)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(concat_ws(E'\x1f', p_id, p_payer, p_payee, p_amount, p_kind, p_description), 'UTF8'))
$$;

-- Postings share this lock; the sealer takes it alone for an instant to learn below which pos nothing can still commit.
CREATE FUNCTION posting_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 7230192837465::bigint $$;

-- Everything about a transfer as its parties and its events tell it.
CREATE VIEW transfer_view AS
SELECT
    t.id, t.kind, t.payer, t.payee, t.amount, t.description, t.initiator, t.initiator_user, t.created_at,
    t.expires_at, t.fee_total, t.parent_id, t.group_id,
    p.entity_id AS payer_entity, p.number AS payer_number, p.name AS payer_name,
    q.entity_id AS payee_entity, q.number AS payee_number, q.name AS payee_name, p.unit,
    r.kind AS outcome, r.at AS resolved_at, r.actor AS resolved_by, coalesce(r.reason, '') AS reason
FROM transfer t
JOIN account p ON p.id = t.payer
JOIN account q ON q.id = t.payee
LEFT JOIN resolution r ON r.transfer_id = t.id;

-- `data` of the events that tell of a transfer, save what is particular to each of them.
CREATE FUNCTION transfer_fact(t transfer_view) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'transfer_id', t.id, 'kind', t.kind,
        'payer', jsonb_build_object('entity_id', t.payer_entity, 'number', t.payer_number, 'name', t.payer_name),
        'payee', jsonb_build_object('entity_id', t.payee_entity, 'number', t.payee_number, 'name', t.payee_name),
        'amount_minor', t.amount, 'unit', t.unit, 'description', t.description, 'initiator', t.initiator,
        'proposed_at', rfc3339(t.created_at))
$$;

CREATE FUNCTION fees_json(p_transfer uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_agg(jsonb_build_object('name', f.description, 'amount_minor', f.amount, 'payee', jsonb_build_object(
            'entity_id', f.payee_entity, 'number', f.payee_number, 'name', f.payee_name)) ORDER BY f.id)
        FROM transfer_view f WHERE f.parent_id = p_transfer AND f.kind = 'fee');
END
$$;

-- A transfer as the API answers it; `p_at_first` as it was when proposed.
CREATE FUNCTION transfer_json(t transfer_view, p_at_first boolean DEFAULT false) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', t.id, 'kind', t.kind,
        'status', CASE
            WHEN p_at_first OR t.outcome IS NULL THEN 'initiated'
            WHEN t.outcome = 'completed' THEN 'completed'
            ELSE 'cancelled'
        END,
        'amount_minor', t.amount, 'unit', t.unit, 'description', t.description, 'initiator', t.initiator,
        'proposed_at', rfc3339(t.created_at), 'expires_at', rfc3339(t.expires_at),
        'parent_id', CASE WHEN t.kind = 'refund' THEN t.parent_id END, 'group_id', t.group_id))
    || jsonb_build_object(
        'payer', jsonb_build_object('entity_id', t.payer_entity, 'number', t.payer_number, 'name', t.payer_name),
        'payee', jsonb_build_object('entity_id', t.payee_entity, 'number', t.payee_number, 'name', t.payee_name))
    || CASE
        WHEN p_at_first OR t.outcome IS NULL THEN '{}'
        ELSE jsonb_strip_nulls(jsonb_build_object(
            CASE WHEN t.outcome = 'completed' THEN 'completed_at' ELSE 'cancelled_at' END, rfc3339(t.resolved_at),
            'outcome', t.outcome, 'reason', nullif(t.reason, ''), 'resolved_by', t.resolved_by))
    END
    || CASE WHEN t.fee_total = 0 THEN '{}' ELSE jsonb_build_object('fees', fees_json(t.id)) END
$$;

-- Tells of transfers: proposed (no resolution yet), completed, or cancelled, each with what its event adds.
CREATE FUNCTION tell_transfers(p_ids uuid[], p_requests text[], p_expiring boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (id, type, subject, sequence, time, data, correlationid)
    SELECT new_id(),
        CASE
            WHEN t.outcome IS NULL THEN
                CASE WHEN p_expiring THEN 'ledger.transfer.expiring.v1' ELSE 'ledger.transfer.proposed.v1' END
            WHEN t.outcome = 'completed' THEN 'ledger.transfer.completed.v1'
            ELSE 'ledger.transfer.cancelled.v1'
        END,
        t.id, 1, clock_timestamp(),
        transfer_fact(t) || CASE
            WHEN t.outcome IS NULL THEN jsonb_build_object('expires_at', rfc3339(t.expires_at))
            WHEN t.outcome = 'completed' THEN jsonb_build_object('completed_at', rfc3339(t.resolved_at))
            ELSE jsonb_build_object('cancelled_at', rfc3339(t.resolved_at), 'outcome', t.outcome, 'by', t.resolved_by,
                                    'reason', t.reason)
        END,
        i.request
    FROM unnest(p_ids, p_requests) AS i(id, request)
    JOIN transfer_view t ON t.id = i.id
    WHERE i.id IS NOT NULL;
END
$$;

CREATE FUNCTION tell_band(p_accounts uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (id, type, subject, sequence, time, data)
    SELECT new_id(), 'ledger.account.band_changed.v1', a.entity_id, a.band_seq, clock_timestamp(),
        jsonb_build_object('entity_id', a.entity_id, 'band', a.band)
    FROM account a WHERE a.id = ANY (p_accounts) AND a.entity_id IS NOT NULL;
END
$$;

-- For the activity log.
CREATE FUNCTION tell_audit(
    p_actor text, p_category text, p_action text, p_detail text, p_subject_kind text, p_subject text, p_entity uuid,
    p_before jsonb, p_after jsonb, p_request text
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (id, type, subject, sequence, time, data, correlationid)
    VALUES (new_id(), 'ledger.audit.recorded.v1', coalesce(p_subject, p_entity::text, 'ledger'), 1, clock_timestamp(),
        jsonb_build_object(
            'actor_id', p_actor, 'actor_email', NULL, 'actor_role', CASE p_category WHEN 'system' THEN NULL
            WHEN 'admin' THEN 'admin' ELSE 'member' END, 'category', p_category, 'action', p_action, 'detail', p_detail,
            'subject_kind', p_subject_kind, 'subject_id', p_subject, 'entity_id', p_entity, 'before', p_before,
            'after', p_after, 'at', rfc3339(clock_timestamp())),
        p_request);
END
$$;

-- The moment of a posting to locked accounts: now, and never before an account's last entry.
CREATE FUNCTION posting_time(p_accounts uuid[]) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT greatest(clock_timestamp(), max(a.last_at)) FROM account a WHERE a.id = ANY (p_accounts)
    );
END
$$;

-- Books legs between accounts that the caller has locked and judged: entries with running balances, one update an
-- account, and the band where it changed. `p_release` is what the payer had reserved. All at the moment `p_at`, or, for
-- an imported past, each at its own of `p_ats`.
CREATE FUNCTION book(
    p_transfers uuid[], p_payers uuid[], p_payees uuid[], p_amounts bigint[], p_release bigint[],
    p_at timestamptz, p_ats timestamptz[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_bands uuid[];
BEGIN
    WITH leg AS (
        SELECT l.ord * 2 AS ord, l.transfer, l.payer AS account, -l.amount AS amount, l.release,
               coalesce(l.at, p_at) AS at
        FROM unnest(p_transfers, p_payers, p_amounts, p_release, p_ats)
             WITH ORDINALITY AS l(transfer, payer, amount, release, at, ord)
        UNION ALL
        SELECT l.ord * 2 + 1, l.transfer, l.payee, l.amount, 0, coalesce(l.at, p_at)
        FROM unnest(p_transfers, p_payees, p_amounts, p_ats) WITH ORDINALITY AS l(transfer, payee, amount, at, ord)
    ), booked AS (
        INSERT INTO entry (account_id, seq, transfer_id, amount, balance_after, at)
        SELECT leg.account, a.seq + row_number() OVER run, leg.transfer, leg.amount,
               (a.balance + sum(leg.amount) OVER run)::bigint, leg.at
        FROM leg JOIN account a ON a.id = leg.account
        WINDOW run AS (PARTITION BY leg.account ORDER BY leg.ord)
        ORDER BY leg.ord
    ), moved AS (
        UPDATE account a
        SET balance = a.balance + d.delta, seq = a.seq + d.n, held_out = a.held_out - d.release, last_at = d.at,
            only_imported = a.only_imported AND p_ats IS NOT NULL,
            band = band_of(a.balance + d.delta, a.min_balance, a.max_balance),
            band_seq = a.band_seq
                + (band_of(a.balance + d.delta, a.min_balance, a.max_balance) <> a.band)::int
        FROM (
            SELECT leg.account, sum(leg.amount)::bigint AS delta, count(*) AS n, sum(leg.release)::bigint AS release,
                   max(leg.at) AS at, o.band_seq AS old_band_seq
            FROM leg JOIN account o ON o.id = leg.account
            GROUP BY leg.account, o.band_seq
        ) d
        WHERE a.id = d.account
        RETURNING a.id, a.band_seq <> d.old_band_seq AS new_band
    )
    SELECT array_agg(moved.id) FILTER (WHERE moved.new_band) INTO v_bands FROM moved;
    IF v_bands IS NOT NULL THEN
        PERFORM tell_band(v_bands);
    END IF;
END
$$;
