-- Step two: consent. Checked again and posted, or cancelled by the system where it would break a limit now (LE-06).
-- Reads which accounts are concerned from the headers, which never change; locks them in id order; judges in order.
CREATE FUNCTION accept_batch(
    p_transfers uuid[], p_callers text[], p_entities uuid[], p_keys text[], p_hashes bytea[], p_requests text[]
) RETURNS TABLE (item integer, code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    n integer := cardinality(p_transfers);
    a_id uuid[]; a_balance bigint[]; a_held bigint[]; a_min bigint[]; a_max bigint[];
    i_payer integer[]; i_payee integer[]; i_amount bigint[]; i_fee bigint[]; i_reserved bigint[]; i_code text[];
    i_before integer[]; i_known boolean[];
    o_code text[] := array_fill(NULL::text, ARRAY[n]);
    o_owner integer[] := array_fill(NULL::integer, ARRAY[n]);
    v_done uuid[] := '{}';
    v_refused uuid[] := '{}';
    v_at timestamptz;
    p integer; q integer; d integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(posting_lock());
    SELECT array_agg(x.id), array_agg(x.balance), array_agg(x.held_out), array_agg(x.min_balance),
           array_agg(x.max_balance)
    INTO a_id, a_balance, a_held, a_min, a_max
    FROM (
        SELECT a.* FROM account a
        WHERE a.id = ANY (ARRAY(
            SELECT unnest(ARRAY[t.payer, t.payee]) FROM transfer t WHERE t.id = ANY (p_transfers)
            UNION ALL
            SELECT f.payee FROM transfer f
            WHERE f.parent_id = ANY (ARRAY(
                SELECT t.id FROM transfer t WHERE t.id = ANY (p_transfers) AND t.fee_total > 0)) AND f.kind = 'fee'))
        ORDER BY a.id FOR NO KEY UPDATE
    ) x;

    SELECT array_agg(array_position(a_id, t.payer) ORDER BY i.ord), array_agg(array_position(a_id, t.payee) ORDER BY i.ord),
           array_agg(t.amount ORDER BY i.ord), array_agg(t.fee_total ORDER BY i.ord),
           array_agg(h.reserved ORDER BY i.ord), array_agg(i.lag ORDER BY i.ord),
           array_agg(done.body_hash IS NOT NULL ORDER BY i.ord),
           array_agg(CASE
               WHEN t.id IS NULL OR t.initiator NOT IN ('payer', 'payee') OR t.kind = 'fee' THEN 'not_a_party'
               WHEN member.user_id IS NULL OR i.entity <> receiver.entity_id THEN
                   CASE WHEN acts_for(i.caller, i.entity, starter.entity_id) THEN 'own_proposal' ELSE 'not_a_party' END
               WHEN done.body_hash = i.hash THEN done.code
               WHEN done.body_hash IS NOT NULL THEN 'idempotency_conflict'
               WHEN h.transfer_id IS NULL OR h.expires_at <= clock_timestamp() THEN 'transfer_finished'
               WHEN NOT receiver.may_trade THEN 'may_not_trade'
               WHEN NOT starter.may_trade THEN 'other_may_not_trade'
               WHEN receiver.frozen OR starter.frozen THEN 'account_frozen'
               ELSE ''
           END ORDER BY i.ord)
    INTO i_payer, i_payee, i_amount, i_fee, i_reserved, i_before, i_known, i_code
    FROM (
        SELECT u.*, (lag(u.ord) OVER (PARTITION BY u.transfer ORDER BY u.ord))::int AS lag
        FROM unnest(p_transfers, p_callers, p_entities, p_keys, p_hashes)
             WITH ORDINALITY AS u(transfer, caller, entity, key, hash, ord)
    ) i
    LEFT JOIN transfer t ON t.id = i.transfer
    LEFT JOIN account receiver ON receiver.id = CASE t.initiator WHEN 'payer' THEN t.payee ELSE t.payer END
    LEFT JOIN account starter ON starter.id = CASE t.initiator WHEN 'payer' THEN t.payer ELSE t.payee END
    LEFT JOIN membership member ON member.entity_id = receiver.entity_id AND member.user_id = i.caller
    LEFT JOIN hold h ON h.transfer_id = t.id
    LEFT JOIN idempotency done ON done.caller = i.caller AND done.operation = 'accept' AND done.key = i.key;

    FOR k IN 1 .. n LOOP
        o_code[k] := i_code[k];
        o_owner[k] := k;
        d := i_before[k];
        IF d IS NOT NULL AND o_owner[d] IS NOT NULL AND i_code[k] = '' THEN  -- the same transfer earlier in this batch
            d := o_owner[d];
            IF o_code[d] IN ('ok', 'limit_reached') AND NOT i_known[d] THEN
                o_owner[k] := d;
                o_code[k] := CASE
                    WHEN p_callers[k] = p_callers[d] AND p_keys[k] = p_keys[d] AND p_hashes[k] = p_hashes[d]
                    THEN o_code[d] ELSE 'transfer_finished' END;
                CONTINUE;
            END IF;
        END IF;
        IF o_code[k] <> '' THEN
            CONTINUE;
        END IF;
        p := i_payer[k];
        q := i_payee[k];
        IF i_amount[k] + i_fee[k] > a_balance[p] - (a_held[p] - i_reserved[k]) - a_min[p]
           OR a_balance[q] + i_amount[k] > a_max[q] THEN
            o_code[k] := 'limit_reached';
            v_refused := v_refused || p_transfers[k];
        ELSE
            o_code[k] := 'ok';
            v_done := v_done || p_transfers[k];
            a_balance[p] := a_balance[p] - i_amount[k] - i_fee[k];
            a_balance[q] := a_balance[q] + i_amount[k];
        END IF;
        a_held[p] := a_held[p] - i_reserved[k];
    END LOOP;

    IF cardinality(v_refused) > 0 THEN
        PERFORM finish(v_refused, 'refused_by_limit', 'system', NULL, 'It would have passed a limit when it was accepted.');
    END IF;
    IF cardinality(v_done) > 0 THEN
        v_at := posting_time(a_id);
        PERFORM book(array_agg(l.id), array_agg(l.payer), array_agg(l.payee), array_agg(l.amount), array_agg(l.reserved),
                     v_at)
        FROM (
            SELECT t.id, t.payer, t.payee, t.amount, h.reserved
            FROM unnest(v_done) WITH ORDINALITY AS d(id, ord)
            JOIN transfer t ON t.id = d.id JOIN hold h ON h.transfer_id = t.id
            UNION ALL
            SELECT f.id, f.payer, f.payee, f.amount, 0
            FROM transfer t JOIN transfer f ON f.parent_id = t.id AND f.kind = 'fee'
            WHERE t.id = ANY (v_done) AND t.fee_total > 0
        ) l;
        DELETE FROM hold WHERE transfer_id = ANY (v_done);
        INSERT INTO resolution (transfer_id, kind, at, actor, actor_user)
        SELECT t.id, 'completed', v_at, CASE t.initiator WHEN 'payer' THEN 'payee' ELSE 'payer' END, i.caller
        FROM unnest(p_transfers, p_callers, o_code, o_owner) WITH ORDINALITY AS i(transfer, caller, code, owner, ord)
        JOIN transfer t ON t.id = i.transfer
        WHERE i.code = 'ok' AND i.owner = i.ord AND i.transfer = ANY (v_done)
        UNION ALL
        SELECT f.id, 'completed', v_at, 'system', NULL
        FROM transfer t JOIN transfer f ON f.parent_id = t.id AND f.kind = 'fee'
        WHERE t.id = ANY (v_done) AND t.fee_total > 0;
    END IF;
    IF cardinality(v_done) + cardinality(v_refused) > 0 THEN
        PERFORM remember('accept', p_callers, p_keys, p_hashes, o_code, p_transfers,
            (SELECT array_agg(CASE WHEN i.owner = i.ord AND NOT i.known AND i.code IN ('ok', 'limit_reached')
                                   THEN i.transfer END ORDER BY i.ord)
             FROM unnest(p_transfers, o_owner, o_code, i_known) WITH ORDINALITY AS i(transfer, owner, code, known, ord)));
        PERFORM tell_transfers(
            (SELECT array_agg(CASE WHEN i.owner = i.ord AND NOT i.known AND i.code IN ('ok', 'limit_reached')
                                   THEN i.transfer END ORDER BY i.ord)
             FROM unnest(p_transfers, o_owner, o_code, i_known) WITH ORDINALITY AS i(transfer, owner, code, known, ord)),
            p_requests);
    END IF;

    RETURN QUERY
    SELECT i.ord::int, i.code, NULL::bigint, i.known OR i.owner <> i.ord,
           CASE WHEN i.code IN ('ok', 'limit_reached') THEN transfer_json(t)::text END
    FROM unnest(p_transfers, o_code, o_owner, i_known) WITH ORDINALITY AS i(transfer, code, owner, known, ord)
    LEFT JOIN transfer_view t ON t.id = i.transfer;
END
$$;
