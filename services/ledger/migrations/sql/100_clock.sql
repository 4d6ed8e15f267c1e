-- What time does: proposals expire by the database's clock (LE-07), after a reminder. Any number of workers may call.
CREATE FUNCTION expire_due(p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_ids uuid[];
    v_groups uuid[];
BEGIN
    SELECT array_agg(h.transfer_id) INTO v_ids
    FROM (SELECT transfer_id FROM hold WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT p_limit) h;
    IF v_ids IS NULL THEN
        RETURN 0;
    END IF;
    -- a group ends as a whole
    SELECT array_agg(DISTINCT t.group_id) INTO v_groups
    FROM transfer t WHERE t.id = ANY (v_ids) AND t.initiator = 'group';
    SELECT array_agg(DISTINCT x.id) INTO v_ids FROM (
        SELECT unnest(v_ids) AS id
        UNION ALL
        SELECT t.id FROM transfer t WHERE t.group_id = ANY (v_groups) AND t.kind <> 'fee') x;
    PERFORM FROM account a
    WHERE a.id IN (SELECT unnest(ARRAY[t.payer, t.payee]) FROM transfer t WHERE t.id = ANY (v_ids))
    ORDER BY a.id FOR NO KEY UPDATE;
    SELECT array_agg(h.transfer_id) INTO v_ids FROM hold h WHERE h.transfer_id = ANY (v_ids);  -- what still is open
    IF v_ids IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(DISTINCT t.group_id) INTO v_groups
    FROM transfer t WHERE t.id = ANY (v_ids) AND t.initiator = 'group';
    IF v_groups IS NOT NULL THEN
        PERFORM release_groups(v_groups);
    END IF;
    PERFORM finish(v_ids, 'expired', 'system', NULL, '');
    PERFORM tell_transfers(v_ids, array_fill(NULL::text, ARRAY[cardinality(v_ids)]));
    RETURN cardinality(v_ids);
END
$$;

CREATE FUNCTION remind_due(p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_ids uuid[];
BEGIN
    WITH due AS (
        SELECT transfer_id FROM hold
        WHERE remind_at <= clock_timestamp() AND expires_at > clock_timestamp()
        ORDER BY remind_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), told AS (
        UPDATE hold h SET remind_at = NULL FROM due WHERE h.transfer_id = due.transfer_id RETURNING h.transfer_id
    )
    SELECT array_agg(transfer_id) INTO v_ids FROM told;
    IF v_ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM tell_transfers(v_ids, array_fill(NULL::text, ARRAY[cardinality(v_ids)]), true);
    RETURN cardinality(v_ids);
END
$$;

-- Forgets outcomes older than this; at least a day stays.
CREATE FUNCTION forget_outcomes(p_older interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_count bigint;
BEGIN
    DELETE FROM idempotency WHERE at < clock_timestamp() - greatest(p_older, interval '1 day');
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
