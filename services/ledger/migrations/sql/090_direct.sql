-- Transfers on behalf: an admin's, complete at once, inside the limits (LE-17). One call, many items; each running
-- balance is held against the limits.
CREATE FUNCTION pay_batch(
    p_ids uuid[], p_callers text[], p_payers text[], p_payees text[], p_amounts bigint[], p_descriptions text[],
    p_keys text[], p_hashes bytea[], p_requests text[]
) RETURNS TABLE (item integer, code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    n integer := cardinality(p_ids);
    a_id uuid[]; a_balance bigint[]; a_held bigint[]; a_min bigint[]; a_max bigint[];
    i_payer integer[]; i_payee integer[]; i_code text[]; i_known uuid[]; i_before integer[];
    o_code text[] := array_fill(NULL::text, ARRAY[n]);
    o_transfer uuid[] := array_fill(NULL::uuid, ARRAY[n]);
    o_owner integer[] := array_fill(NULL::integer, ARRAY[n]);
    v_fresh uuid[] := '{}';
    v_payers uuid[] := '{}';
    v_payees uuid[] := '{}';
    v_amounts bigint[] := '{}';
    v_at timestamptz;
    p integer; q integer; d integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(posting_lock());
    SELECT array_agg(x.id), array_agg(x.balance), array_agg(x.held_out), array_agg(x.min_balance),
           array_agg(x.max_balance)
    INTO a_id, a_balance, a_held, a_min, a_max
    FROM (SELECT * FROM account WHERE number = ANY (p_payers || p_payees) ORDER BY id FOR NO KEY UPDATE) x;

    SELECT array_agg(array_position(a_id, payer.id) ORDER BY i.ord), array_agg(array_position(a_id, payee.id) ORDER BY i.ord),
           array_agg(done.transfer_id ORDER BY i.ord), array_agg(i.lag ORDER BY i.ord),
           array_agg(CASE
               WHEN done.body_hash = i.hash THEN done.code
               WHEN done.body_hash IS NOT NULL THEN 'idempotency_conflict'
               WHEN payer.id IS NULL THEN 'unknown_payer'
               WHEN payee.id IS NULL THEN 'unknown_account'
               WHEN payer.id = payee.id THEN 'same_account'
               WHEN payer.unit <> payee.unit THEN 'other_unit'
               WHEN NOT payer.may_trade THEN 'may_not_trade'
               WHEN NOT payee.may_trade THEN 'other_may_not_trade'
               WHEN payer.frozen OR payee.frozen THEN 'account_frozen'
               ELSE ''
           END ORDER BY i.ord)
    INTO i_payer, i_payee, i_known, i_before, i_code
    FROM (
        SELECT u.*, CASE WHEN u.key IS NOT NULL THEN (lag(u.ord) OVER (PARTITION BY u.caller, u.key ORDER BY u.ord))::int
               END AS lag
        FROM unnest(p_callers, p_payers, p_payees, p_keys, p_hashes)
             WITH ORDINALITY AS u(caller, payer, payee, key, hash, ord)
    ) i
    LEFT JOIN account payer ON payer.number = i.payer
    LEFT JOIN account payee ON payee.number = i.payee
    LEFT JOIN idempotency done ON done.caller = i.caller AND done.operation = 'pay' AND done.key = i.key;

    FOR k IN 1 .. n LOOP
        o_code[k] := i_code[k];
        o_owner[k] := k;
        o_transfer[k] := i_known[k];
        IF o_code[k] <> '' THEN
            CONTINUE;
        END IF;
        d := i_before[k];
        IF d IS NOT NULL AND o_code[o_owner[d]] = 'ok' THEN  -- the same key earlier in this very batch
            o_owner[k] := o_owner[d];
            o_transfer[k] := o_transfer[o_owner[d]];
            o_code[k] := CASE WHEN p_hashes[k] = p_hashes[o_owner[d]] THEN 'ok' ELSE 'idempotency_conflict' END;
            CONTINUE;
        END IF;
        p := i_payer[k];
        q := i_payee[k];
        IF p_amounts[k] > a_balance[p] - a_held[p] - a_min[p] THEN
            o_code[k] := 'limit_reached';
        ELSIF p_amounts[k] > a_max[q] - a_balance[q] THEN
            o_code[k] := 'other_limit_reached';
        ELSE
            a_balance[p] := a_balance[p] - p_amounts[k];
            a_balance[q] := a_balance[q] + p_amounts[k];
            o_code[k] := 'ok';
            o_transfer[k] := p_ids[k];
            v_fresh := v_fresh || p_ids[k];
            v_payers := v_payers || a_id[p];
            v_payees := v_payees || a_id[q];
            v_amounts := v_amounts || p_amounts[k];
        END IF;
    END LOOP;

    IF cardinality(v_fresh) > 0 THEN
        v_at := posting_time(a_id);
        INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at, body_hash)
        SELECT i.id, a_id[i.payer], a_id[i.payee], i.amount, 'adminTransfer', i.description, 'admin', i.caller, v_at,
               header_hash(i.id, a_id[i.payer], a_id[i.payee], i.amount, 'adminTransfer', i.description)
        FROM unnest(p_ids, i_payer, i_payee, p_amounts, p_descriptions, p_callers, o_transfer)
             AS i(id, payer, payee, amount, description, caller, transfer)
        WHERE i.id = i.transfer;
        PERFORM book(v_fresh, v_payers, v_payees, v_amounts, array_fill(0::bigint, ARRAY[cardinality(v_fresh)]), v_at);
        INSERT INTO resolution (transfer_id, kind, at, actor, actor_user)
        SELECT i.id, 'completed', v_at, 'admin', i.caller
        FROM unnest(p_ids, p_callers, o_transfer) AS i(id, caller, transfer) WHERE i.id = i.transfer;
        PERFORM remember('pay', p_callers, p_keys, p_hashes, o_code, o_transfer, p_ids);
        PERFORM tell_transfers(
            (SELECT array_agg(i.id) FROM unnest(p_ids, o_transfer) AS i(id, transfer) WHERE i.id = i.transfer),
            (SELECT array_agg(i.request) FROM unnest(p_ids, o_transfer, p_requests) AS i(id, transfer, request)
             WHERE i.id = i.transfer));
        INSERT INTO outbox (id, type, subject, sequence, time, data, correlationid)
        SELECT new_id(), 'ledger.audit.recorded.v1', i.id, 1, v_at,
            jsonb_build_object('actor_id', i.caller, 'actor_email', NULL, 'actor_role', 'admin', 'category', 'admin',
                'action', 'transfer.made_on_behalf', 'detail', 'A transfer was made on behalf of a member.',
                'subject_kind', 'transfer', 'subject_id', i.id, 'entity_id', NULL, 'before', NULL, 'after',
                jsonb_build_object('payer', i.payer, 'payee', i.payee, 'amount_minor', i.amount), 'at', rfc3339(v_at)),
            i.request
        FROM unnest(p_ids, p_callers, p_payers, p_payees, p_amounts, o_transfer, p_requests)
             AS i(id, caller, payer, payee, amount, transfer, request)
        WHERE i.id = i.transfer;
    END IF;

    RETURN QUERY
    SELECT i.ord::int, i.code, NULL::bigint, i.transfer <> i.id, CASE WHEN i.code = 'ok' THEN transfer_json(t)::text END
    FROM unnest(p_ids, o_code, o_transfer) WITH ORDINALITY AS i(id, code, transfer, ord)
    LEFT JOIN transfer_view t ON t.id = i.transfer;
END
$$;
