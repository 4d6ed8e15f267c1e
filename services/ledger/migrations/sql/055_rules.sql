-- Fees by rule, and what is remembered under an Idempotency-Key.
CREATE VIEW fee_rule_view AS
SELECT r.id, r.name, r.share_ppm, r.payee, r.made_by, r.made_at, e.ended_by, e.ended_at
FROM fee_rule r LEFT JOIN fee_rule_end e ON e.rule_id = r.id;

-- One fee of one rule, rounded half up.
CREATE FUNCTION fee_of(p_amount bigint, p_share_ppm integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT round(p_amount::numeric * p_share_ppm / 1000000)::bigint $$;

-- All fees of a transfer between these accounts; accounts that receive fees pay none and cause none.
CREATE FUNCTION fees_of(p_amount bigint, p_one uuid, p_other uuid) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT coalesce(sum(fee_of(p_amount, r.share_ppm)), 0)::bigint
        FROM fee_rule_view r WHERE r.ended_at IS NULL AND r.payee <> p_one AND r.payee <> p_other
    );
END
$$;

-- Headers of the fees of fresh transfers; each belongs to its parent and lives and ends with it.
CREATE FUNCTION write_fees(p_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at, expires_at,
                          body_hash, parent_id, group_id)
    SELECT f.id, t.payer, f.payee, f.amount, 'fee', f.name, t.initiator, t.initiator_user, t.created_at, t.expires_at,
           header_hash(f.id, t.payer, f.payee, f.amount, 'fee', f.name), t.id, t.group_id
    FROM transfer t
    CROSS JOIN LATERAL (
        SELECT new_id() AS id, r.payee, r.name, fee_of(t.amount, r.share_ppm) AS amount
        FROM fee_rule_view r WHERE r.ended_at IS NULL AND r.payee <> t.payer AND r.payee <> t.payee
    ) f
    WHERE t.id = ANY (p_ids) AND t.fee_total > 0 AND f.amount > 0;
END
$$;

-- Keeps the outcomes of those items that took effect in this call (`p_transfers` = `p_mine`). A key that another call
-- committed meanwhile breaks the whole call off (unique violation): the caller tries again and finds it.
CREATE FUNCTION remember(
    p_operation text, p_callers text[], p_keys text[], p_hashes bytea[], p_codes text[], p_transfers uuid[], p_mine uuid[]
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO idempotency (caller, operation, key, body_hash, code, transfer_id)
    SELECT i.caller, p_operation, i.key, i.hash, i.code, i.transfer
    FROM unnest(p_callers, p_keys, p_hashes, p_codes, p_transfers, p_mine) AS i(caller, key, hash, code, transfer, mine)
    WHERE i.key IS NOT NULL AND i.transfer = i.mine
    ORDER BY i.caller, i.key;
END
$$;

-- From now on transfers pay this share to a community account; a rule is ended, never changed.
CREATE FUNCTION add_fee_rule(p_id uuid, p_name text, p_share_ppm integer, p_payee text, p_by text, p_request text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO fee_rule (id, name, share_ppm, payee, made_by)
    SELECT p_id, p_name, p_share_ppm, a.id, p_by FROM account a WHERE a.number = p_payee AND a.kind = 'community';
    IF NOT FOUND THEN
        RETURN 'unknown_account';
    END IF;
    PERFORM tell_audit(p_by, 'admin', 'fee.added', 'A fee was added.', 'fee', p_id::text, NULL, NULL,
        jsonb_build_object('name', p_name, 'share_ppm', p_share_ppm), p_request);
    RETURN 'ok';
END
$$;

CREATE FUNCTION end_fee_rule(p_id uuid, p_by text, p_request text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM fee_rule WHERE id = p_id) THEN
        RETURN 'unknown_fee';
    END IF;
    INSERT INTO fee_rule_end (rule_id, ended_by) VALUES (p_id, p_by) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM tell_audit(p_by, 'admin', 'fee.ended', 'A fee was ended.', 'fee', p_id::text, NULL, NULL, NULL, p_request);
    END IF;
    RETURN 'ok';
END
$$;
