-- Reject by the receiver, cancel by the initiator or an admin. Never blocked by a limit or a standing (LE-05).
CREATE FUNCTION end_batch(
    p_operation text, p_transfers uuid[], p_callers text[], p_entities uuid[], p_admins boolean[], p_reasons text[],
    p_keys text[], p_hashes bytea[], p_requests text[]
) RETURNS TABLE (item integer, code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    i record;
    o_code text[] := '{}';
    o_known boolean[] := '{}';
    v_actor text;
    v_kind text;
BEGIN
    IF p_operation NOT IN ('reject', 'cancel') THEN
        RAISE EXCEPTION 'operation % is neither reject nor cancel', p_operation USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_kind := CASE p_operation WHEN 'reject' THEN 'rejected' ELSE 'cancelled' END;
    PERFORM FROM account a
    WHERE a.id IN (SELECT unnest(ARRAY[t.payer, t.payee]) FROM transfer t WHERE t.id = ANY (p_transfers))
    ORDER BY a.id FOR NO KEY UPDATE;
    FOR i IN
        SELECT u.*, t.id, t.kind, t.initiator, h.transfer_id AS open,
               CASE t.initiator WHEN 'payer' THEN payer.entity_id ELSE payee.entity_id END AS starter,
               CASE t.initiator WHEN 'payer' THEN payee.entity_id ELSE payer.entity_id END AS receiver
        FROM unnest(p_transfers, p_callers, p_entities, p_admins, p_reasons, p_keys, p_hashes, p_requests)
             WITH ORDINALITY AS u(transfer, caller, entity, admin, reason, key, hash, request, ord)
        LEFT JOIN transfer t ON t.id = u.transfer
        LEFT JOIN account payer ON payer.id = t.payer
        LEFT JOIN account payee ON payee.id = t.payee
        LEFT JOIN hold h ON h.transfer_id = t.id
        ORDER BY u.ord
    LOOP
        o_code[i.ord] := (
            SELECT CASE WHEN done.body_hash = i.hash THEN done.code ELSE 'idempotency_conflict' END
            FROM idempotency done WHERE done.caller = i.caller AND done.operation = p_operation AND done.key = i.key);
        o_known[i.ord] := o_code[i.ord] IS NOT NULL;
        v_actor := NULL;
        IF i.id IS NOT NULL AND i.kind <> 'fee' AND i.initiator IN ('payer', 'payee') THEN
            IF p_operation = 'cancel' AND i.admin THEN
                v_actor := 'admin';
            ELSIF acts_for(i.caller, i.entity, CASE p_operation WHEN 'cancel' THEN i.starter ELSE i.receiver END) THEN
                v_actor := CASE WHEN (p_operation = 'cancel') = (i.initiator = 'payer') THEN 'payer' ELSE 'payee' END;
            END IF;
        END IF;
        IF v_actor IS NULL THEN
            o_code[i.ord] := CASE
                WHEN i.id IS NOT NULL AND i.initiator IN ('payer', 'payee') AND acts_for(
                    i.caller, i.entity, CASE p_operation WHEN 'cancel' THEN i.receiver ELSE i.starter END)
                THEN CASE p_operation WHEN 'cancel' THEN 'not_own_proposal' ELSE 'own_proposal' END
                ELSE 'not_a_party' END;
        ELSIF o_code[i.ord] IS NULL THEN
            IF NOT EXISTS (SELECT FROM hold WHERE transfer_id = i.transfer) THEN
                o_code[i.ord] := 'transfer_finished';
            ELSE
                PERFORM finish(ARRAY[i.transfer], v_kind, v_actor, i.caller, i.reason);
                o_code[i.ord] := 'ok';
                PERFORM remember(p_operation, ARRAY[i.caller], ARRAY[i.key], ARRAY[i.hash], ARRAY['ok'],
                    ARRAY[i.transfer], ARRAY[i.transfer]);
                PERFORM tell_transfers(ARRAY[i.transfer], ARRAY[i.request]);
                IF v_actor = 'admin' THEN
                    PERFORM tell_audit(i.caller, 'admin', 'transfer.cancelled', 'An open transfer was cancelled.', 'transfer',
                        i.transfer::text, NULL, NULL, jsonb_build_object('reason', i.reason), i.request);
                END IF;
            END IF;
        END IF;
    END LOOP;
    RETURN QUERY
    SELECT u.ord::int, u.code, NULL::bigint, u.known, CASE WHEN u.code = 'ok' THEN transfer_json(t)::text END
    FROM unnest(p_transfers, o_code, o_known) WITH ORDINALITY AS u(transfer, code, known, ord)
    LEFT JOIN transfer_view t ON t.id = u.transfer;
END
$$;
