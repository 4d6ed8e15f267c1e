-- The way back of a completed transfer: a new, linked transfer that both parties consent to (LE-10). Its fees stay paid.
CREATE FUNCTION propose_refund(
    p_id uuid, p_transfer uuid, p_caller text, p_entity uuid, p_amount bigint, p_description text, p_key text,
    p_hash bytea, p_request text, p_reserve boolean, p_lifetime interval, p_remind_before interval
) RETURNS TABLE (code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    original transfer;
    payer account;
    payee account;
    known idempotency;
    v_amount bigint;
    v_left bigint;
    v_gives boolean;
    v_now timestamptz;
BEGIN
    SELECT * INTO original FROM transfer t WHERE t.id = p_transfer AND t.kind <> 'fee';
    PERFORM FROM account a WHERE a.id IN (original.payer, original.payee) ORDER BY a.id FOR NO KEY UPDATE;
    SELECT * INTO payer FROM account a WHERE a.id = original.payee;
    SELECT * INTO payee FROM account a WHERE a.id = original.payer;
    v_gives := acts_for(p_caller, p_entity, payer.entity_id);
    IF original.id IS NULL OR NOT (v_gives OR acts_for(p_caller, p_entity, payee.entity_id)) THEN
        RETURN QUERY SELECT 'not_a_party', NULL::bigint, false, NULL::text;
        RETURN;
    END IF;
    SELECT * INTO known FROM idempotency i WHERE i.caller = p_caller AND i.operation = 'refund' AND i.key = p_key;
    IF known.caller IS NOT NULL THEN
        RETURN QUERY
        SELECT CASE WHEN known.body_hash = p_hash THEN known.code ELSE 'idempotency_conflict' END, NULL::bigint, true,
               transfer_json(t, true)::text
        FROM transfer_view t WHERE t.id = known.transfer_id;
        RETURN;
    END IF;
    -- what other refunds, done or open, leave of it
    SELECT original.amount - coalesce(sum(r.amount), 0)::bigint INTO v_left
    FROM transfer r LEFT JOIN resolution e ON e.transfer_id = r.id
    WHERE r.parent_id = p_transfer AND r.kind = 'refund' AND coalesce(e.kind, 'completed') = 'completed';
    v_amount := coalesce(p_amount, v_left);
    RETURN QUERY
    SELECT w.code, w.room, false, NULL::text FROM (SELECT CASE
        WHEN NOT EXISTS (SELECT FROM resolution e WHERE e.transfer_id = p_transfer AND e.kind = 'completed')
            THEN 'not_completed'
        WHEN v_amount > v_left OR v_amount <= 0 THEN 'refund_too_large'
        WHEN NOT CASE WHEN v_gives THEN payer.may_trade ELSE payee.may_trade END THEN 'may_not_trade'
        WHEN NOT (payer.may_trade AND payee.may_trade) THEN 'other_may_not_trade'
        WHEN payer.frozen OR payee.frozen THEN 'account_frozen'
        WHEN v_amount > payer.balance - payer.held_out - payer.min_balance
            THEN CASE WHEN v_gives THEN 'limit_reached' ELSE 'other_limit_reached' END
        WHEN v_amount > payee.max_balance - payee.balance
            THEN CASE WHEN v_gives THEN 'other_limit_reached' ELSE 'limit_reached' END
    END AS code, CASE WHEN v_gives THEN payer.balance - payer.held_out - payer.min_balance
                 ELSE payee.max_balance - payee.balance END AS room) w
    WHERE w.code IS NOT NULL;
    IF FOUND THEN
        RETURN;
    END IF;
    v_now := clock_timestamp();
    INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at, expires_at,
                          body_hash, parent_id)
    VALUES (p_id, payer.id, payee.id, v_amount, 'refund', p_description, CASE WHEN v_gives THEN 'payer' ELSE 'payee' END,
            p_caller, v_now, v_now + p_lifetime,
            header_hash(p_id, payer.id, payee.id, v_amount, 'refund', p_description), p_transfer);
    INSERT INTO hold (transfer_id, payer, payee, reserved, expires_at, remind_at)
    VALUES (p_id, payer.id, payee.id, CASE WHEN v_gives AND p_reserve THEN v_amount ELSE 0 END, v_now + p_lifetime,
            v_now + p_lifetime - p_remind_before);
    IF v_gives AND p_reserve THEN
        UPDATE account SET held_out = held_out + v_amount WHERE id = payer.id;
    END IF;
    PERFORM remember('refund', ARRAY[p_caller], ARRAY[p_key], ARRAY[p_hash], ARRAY['ok'], ARRAY[p_id], ARRAY[p_id]);
    PERFORM tell_transfers(ARRAY[p_id], ARRAY[p_request]);
    RETURN QUERY SELECT 'ok', NULL::bigint, false, transfer_json(t)::text FROM transfer_view t WHERE t.id = p_id;
END
$$;
