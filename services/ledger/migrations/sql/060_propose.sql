-- One plan for all calls: made anew for each array it would cost ten times the work itself, and a plan made while the
-- tables were empty must not read them whole later.

-- Step one: proposals, many in one call. Arrays in, one outcome an item out.
-- The accounts are locked in id order before anything else; items are judged in their order, so that each sees what the
-- earlier ones of the batch reserved.
CREATE FUNCTION propose_batch(
    p_ids uuid[], p_callers text[], p_entities uuid[], p_initiators text[], p_receivers text[], p_outs boolean[],
    p_amounts bigint[], p_descriptions text[], p_keys text[], p_hashes bytea[], p_requests text[],
    p_reserve boolean, p_lifetime interval, p_remind_before interval
) RETURNS TABLE (item integer, code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    n integer := cardinality(p_ids);
    v_now timestamptz;
    v_rules boolean;
    a_id uuid[]; a_balance bigint[]; a_held bigint[]; a_min bigint[]; a_max bigint[];
    i_payer integer[]; i_payee integer[]; i_fee bigint[]; i_code text[]; i_known uuid[]; i_before integer[];
    o_code text[] := array_fill(NULL::text, ARRAY[n]);
    o_room bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    o_transfer uuid[] := array_fill(NULL::uuid, ARRAY[n]);
    o_owner integer[] := array_fill(NULL::integer, ARRAY[n]);
    o_reserved bigint[] := array_fill(0::bigint, ARRAY[n]);
    v_fresh uuid[] := '{}';
    p integer; q integer; d integer;
    v_spend bigint; v_take bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(posting_lock());
    SELECT array_agg(x.id), array_agg(x.balance), array_agg(x.held_out), array_agg(x.min_balance),
           array_agg(x.max_balance)
    INTO a_id, a_balance, a_held, a_min, a_max
    FROM (SELECT * FROM account WHERE number = ANY (p_initiators || p_receivers) ORDER BY id FOR NO KEY UPDATE) x;
    v_now := clock_timestamp();
    v_rules := EXISTS (SELECT FROM fee_rule_view WHERE ended_at IS NULL);

    SELECT array_agg(array_position(a_id, CASE WHEN i.outgoing THEN me.id ELSE you.id END) ORDER BY i.ord),
           array_agg(array_position(a_id, CASE WHEN i.outgoing THEN you.id ELSE me.id END) ORDER BY i.ord),
           array_agg(CASE WHEN v_rules THEN fees_of(i.amount, me.id, you.id) ELSE 0 END ORDER BY i.ord),
           array_agg(done.transfer_id ORDER BY i.ord),
           array_agg(lag ORDER BY i.ord),
           array_agg(CASE
               WHEN member.user_id IS NULL OR i.entity <> me.entity_id THEN 'not_your_account'
               WHEN done.body_hash = i.hash THEN done.code
               WHEN done.body_hash IS NOT NULL THEN 'idempotency_conflict'
               WHEN me.id = you.id THEN 'same_account'
               WHEN you.id IS NULL OR you.kind = 'member' AND NOT listed(you.status) THEN 'unknown_account'
               WHEN me.unit <> you.unit THEN 'other_unit'
               WHEN NOT me.may_trade THEN 'may_not_trade'
               WHEN NOT you.may_trade THEN 'other_may_not_trade'
               WHEN me.frozen OR you.frozen THEN 'account_frozen'
               ELSE ''
           END ORDER BY i.ord)
    INTO i_payer, i_payee, i_fee, i_known, i_before, i_code
    FROM (
        SELECT u.*, CASE WHEN u.key IS NOT NULL THEN (lag(u.ord) OVER (PARTITION BY u.caller, u.key ORDER BY u.ord))::int
               END AS lag
        FROM unnest(p_callers, p_entities, p_initiators, p_receivers, p_outs, p_amounts, p_keys, p_hashes)
             WITH ORDINALITY AS u(caller, entity, initiator, receiver, outgoing, amount, key, hash, ord)
    ) i
    LEFT JOIN account me ON me.number = i.initiator
    LEFT JOIN account you ON you.number = i.receiver
    LEFT JOIN membership member ON member.entity_id = me.entity_id AND member.user_id = i.caller
    LEFT JOIN idempotency done ON done.caller = i.caller AND done.operation = 'propose' AND done.key = i.key;

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
        v_spend := a_balance[p] - a_held[p] - a_min[p];
        v_take := a_max[q] - a_balance[q];
        IF p_amounts[k] + i_fee[k] > v_spend OR p_amounts[k] > v_take THEN
            o_code[k] := CASE
                WHEN p_outs[k] AND p_amounts[k] + i_fee[k] > v_spend OR NOT p_outs[k] AND p_amounts[k] > v_take
                THEN 'limit_reached' ELSE 'other_limit_reached' END;
            o_room[k] := CASE
                WHEN NOT p_outs[k] THEN v_take
                WHEN i_fee[k] = 0 THEN v_spend
                ELSE floor(v_spend::numeric * p_amounts[k] / (p_amounts[k] + i_fee[k]))::bigint
            END;
            CONTINUE;
        END IF;
        IF p_reserve AND p_outs[k] THEN
            o_reserved[k] := p_amounts[k] + i_fee[k];
            a_held[p] := a_held[p] + o_reserved[k];
        END IF;
        o_code[k] := 'ok';
        o_transfer[k] := p_ids[k];
        v_fresh := v_fresh || p_ids[k];
    END LOOP;

    IF cardinality(v_fresh) > 0 THEN
        INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at,
                              expires_at, body_hash, fee_total)
        SELECT i.id, a_id[i.payer], a_id[i.payee], i.amount, 'transfer', i.description,
               CASE WHEN i.outgoing THEN 'payer' ELSE 'payee' END, i.caller, v_now, v_now + p_lifetime,
               header_hash(i.id, a_id[i.payer], a_id[i.payee], i.amount, 'transfer', i.description), i.fee
        FROM unnest(p_ids, i_payer, i_payee, p_amounts, p_descriptions, p_outs, p_callers, i_fee, o_transfer)
             AS i(id, payer, payee, amount, description, outgoing, caller, fee, transfer)
        WHERE i.id = i.transfer;
        INSERT INTO hold (transfer_id, payer, payee, reserved, expires_at, remind_at)
        SELECT i.id, a_id[i.payer], a_id[i.payee], i.reserved, v_now + p_lifetime, v_now + p_lifetime - p_remind_before
        FROM unnest(p_ids, i_payer, i_payee, o_reserved, o_transfer) AS i(id, payer, payee, reserved, transfer)
        WHERE i.id = i.transfer;
        UPDATE account a SET held_out = a.held_out + r.total
        FROM (
            SELECT a_id[i.payer] AS id, sum(i.reserved)::bigint AS total
            FROM unnest(i_payer, o_reserved) AS i(payer, reserved) WHERE i.reserved > 0 GROUP BY i.payer
        ) r
        WHERE a.id = r.id;
        IF v_rules THEN
            PERFORM write_fees(v_fresh);
        END IF;
        PERFORM remember('propose', p_callers, p_keys, p_hashes, o_code, o_transfer, p_ids);
        PERFORM tell_transfers(
            (SELECT array_agg(i.id) FROM unnest(p_ids, o_transfer) AS i(id, transfer) WHERE i.id = i.transfer),
            (SELECT array_agg(i.request) FROM unnest(p_ids, o_transfer, p_requests) AS i(id, transfer, request)
             WHERE i.id = i.transfer));
    END IF;

    RETURN QUERY
    SELECT i.ord::int, i.code, i.room, i.transfer <> i.id, CASE WHEN i.code = 'ok' THEN transfer_json(t, true)::text END
    FROM unnest(p_ids, o_code, o_room, o_transfer) WITH ORDINALITY AS i(id, code, room, transfer, ord)
    LEFT JOIN transfer_view t ON t.id = i.transfer;
END
$$;
