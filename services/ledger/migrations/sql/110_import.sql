-- The import of a past (AD-11): dated transfers in date order, only into accounts whose whole history is imported, never
-- into the future, inside the limits at every step, without notices. The id follows from the line, so a line is booked
-- once however often its file is loaded.
CREATE FUNCTION import_batch(
    p_ids uuid[], p_ats timestamptz[], p_payers text[], p_payees text[], p_amounts bigint[], p_descriptions text[],
    p_caller text, p_request text
) RETURNS TABLE (item integer, code text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    n integer := cardinality(p_ids);
    a_id uuid[]; a_balance bigint[]; a_held bigint[]; a_min bigint[]; a_max bigint[]; a_last timestamptz[];
    i_payer integer[]; i_payee integer[]; i_code text[];
    o_code text[] := array_fill(NULL::text, ARRAY[n]);
    v_ids uuid[] := '{}';
    v_payers uuid[] := '{}';
    v_payees uuid[] := '{}';
    v_amounts bigint[] := '{}';
    v_ats timestamptz[] := '{}';
    v_count integer;
    p integer; q integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(posting_lock());
    SELECT array_agg(x.id), array_agg(x.balance), array_agg(x.held_out), array_agg(x.min_balance),
           array_agg(x.max_balance), array_agg(x.last_at)
    INTO a_id, a_balance, a_held, a_min, a_max, a_last
    FROM (SELECT * FROM account WHERE number = ANY (p_payers || p_payees) ORDER BY id FOR NO KEY UPDATE) x;

    SELECT array_agg(array_position(a_id, payer.id) ORDER BY i.ord), array_agg(array_position(a_id, payee.id) ORDER BY i.ord),
           array_agg(CASE
               WHEN EXISTS (SELECT FROM transfer t WHERE t.id = i.id) THEN 'repeated'
               WHEN payer.id IS NULL THEN 'unknown_payer'
               WHEN payee.id IS NULL THEN 'unknown_account'
               WHEN payer.id = payee.id THEN 'same_account'
               WHEN payer.unit <> payee.unit THEN 'other_unit'
               WHEN payer.closed_at IS NOT NULL OR payee.closed_at IS NOT NULL THEN 'account_closed'
               WHEN payer.frozen OR payee.frozen THEN 'account_frozen'
               WHEN NOT payer.only_imported OR NOT payee.only_imported THEN 'account_in_use'
               WHEN i.at > clock_timestamp() THEN 'date_in_future'
               ELSE ''
           END ORDER BY i.ord)
    INTO i_payer, i_payee, i_code
    FROM unnest(p_ids, p_ats, p_payers, p_payees) WITH ORDINALITY AS i(id, at, payer, payee, ord)
    LEFT JOIN account payer ON payer.number = i.payer
    LEFT JOIN account payee ON payee.number = i.payee;

    FOR k IN 1 .. n LOOP
        o_code[k] := i_code[k];
        IF o_code[k] <> '' THEN
            CONTINUE;
        END IF;
        p := i_payer[k];
        q := i_payee[k];
        IF p_ids[k] = ANY (v_ids) THEN
            o_code[k] := 'repeated';
        ELSIF p_ats[k] < a_last[p] OR p_ats[k] < a_last[q] THEN
            o_code[k] := 'date_order';
        ELSIF p_amounts[k] > a_balance[p] - a_held[p] - a_min[p] THEN
            o_code[k] := 'limit_reached';
        ELSIF p_amounts[k] > a_max[q] - a_balance[q] THEN
            o_code[k] := 'other_limit_reached';
        ELSE
            a_balance[p] := a_balance[p] - p_amounts[k];
            a_balance[q] := a_balance[q] + p_amounts[k];
            a_last[p] := p_ats[k];
            a_last[q] := p_ats[k];
            o_code[k] := 'imported';
            v_ids := v_ids || p_ids[k];
            v_payers := v_payers || a_id[p];
            v_payees := v_payees || a_id[q];
            v_amounts := v_amounts || p_amounts[k];
            v_ats := v_ats || p_ats[k];
        END IF;
    END LOOP;

    v_count := cardinality(v_ids);
    IF v_count > 0 THEN
        INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at, body_hash)
        SELECT i.id, a_id[i.payer], a_id[i.payee], i.amount, 'import', i.description, 'admin', p_caller, i.at,
               header_hash(i.id, a_id[i.payer], a_id[i.payee], i.amount, 'import', i.description)
        FROM unnest(p_ids, i_payer, i_payee, p_amounts, p_descriptions, p_ats, o_code)
             AS i(id, payer, payee, amount, description, at, code)
        WHERE i.code = 'imported';
        PERFORM book(v_ids, v_payers, v_payees, v_amounts, array_fill(0::bigint, ARRAY[v_count]), NULL, v_ats);
        INSERT INTO resolution (transfer_id, kind, at, actor, actor_user)
        SELECT i.id, 'completed', i.at, 'admin', p_caller FROM unnest(v_ids, v_ats) AS i(id, at);
        PERFORM tell_audit(p_caller, CASE WHEN p_caller IS NULL THEN 'system' ELSE 'admin' END, 'transfers.imported',
            v_count || ' dated transfers were imported.', 'import', v_ids[1]::text, NULL, NULL,
            jsonb_build_object('count', v_count), p_request);
    END IF;
    RETURN QUERY SELECT i.ord::int, i.code FROM unnest(o_code) WITH ORDINALITY AS i(code, ord);
END
$$;
