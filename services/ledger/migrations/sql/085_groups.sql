-- Several transfers that post together at the last consent, or not at all (LE-16). Every account concerned consents
-- once; what counts for its limits is its net effect. The initiator consents by proposing.
CREATE VIEW group_consent_view AS SELECT group_id, account_id, reserved, at, actor FROM group_consent;

CREATE FUNCTION group_json(p_group uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'id', p_group,
            'status', CASE
                WHEN bool_or(t.outcome IS NULL) THEN 'initiated'
                WHEN bool_and(t.outcome = 'completed') THEN 'completed'
                ELSE 'cancelled'
            END,
            'transfers', jsonb_agg(transfer_json(t) ORDER BY t.id),
            'consented', (SELECT jsonb_agg(a.number ORDER BY c.at) FROM group_consent_view c JOIN account_view a
                          ON a.id = c.account_id WHERE c.group_id = p_group))
        FROM transfer_view t WHERE t.group_id = p_group AND t.kind <> 'fee');
END
$$;

-- What each account gains or loses by the group, fees included.
CREATE FUNCTION group_nets(p_group uuid) RETURNS TABLE (account_id uuid, net bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT leg.account, sum(leg.amount)::bigint
    FROM transfer t CROSS JOIN LATERAL (VALUES (t.payer, -t.amount), (t.payee, t.amount)) AS leg(account, amount)
    WHERE t.group_id = p_group GROUP BY leg.account;
END
$$;

CREATE FUNCTION lock_group(p_group uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM account a
    WHERE a.id IN (SELECT unnest(ARRAY[t.payer, t.payee]) FROM transfer t WHERE t.group_id = p_group)
    ORDER BY a.id FOR NO KEY UPDATE;
END
$$;

-- Gives back what the consents to these groups reserved; once, when the groups end.
CREATE FUNCTION release_groups(p_groups uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account a SET held_out = a.held_out - c.total
    FROM (SELECT account_id, sum(reserved)::bigint AS total FROM group_consent
          WHERE group_id = ANY (p_groups) AND reserved > 0 GROUP BY account_id) c
    WHERE a.id = c.account_id;
END
$$;

CREATE FUNCTION tell_group(p_group uuid, p_request text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_transfers(array_agg(t.id ORDER BY t.id), array_agg(p_request))
    FROM transfer t WHERE t.group_id = p_group AND t.kind <> 'fee';
END
$$;

CREATE FUNCTION propose_group(
    p_group uuid, p_ids uuid[], p_caller text, p_entity uuid, p_initiator text, p_payers text[], p_payees text[],
    p_amounts bigint[], p_descriptions text[], p_key text, p_hash bytea, p_request text, p_reserve boolean,
    p_lifetime interval, p_remind_before interval
) RETURNS TABLE (code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    me account;
    known idempotency;
    v_code text;
    v_net bigint;
    v_now timestamptz;
BEGIN
    PERFORM FROM account a WHERE a.number = ANY (p_payers || p_payees || p_initiator) ORDER BY a.id FOR NO KEY UPDATE;
    SELECT * INTO me FROM account a WHERE a.number = p_initiator;
    SELECT * INTO known FROM idempotency i WHERE i.caller = p_caller AND i.operation = 'group' AND i.key = p_key;
    SELECT CASE
        WHEN me.id IS NULL OR NOT acts_for(p_caller, p_entity, me.entity_id) THEN 'not_your_account'
        WHEN known.caller IS NOT NULL AND known.body_hash <> p_hash THEN 'idempotency_conflict'
        WHEN known.caller IS NOT NULL THEN 'ok'
        WHEN bool_or(i.payer = i.payee) THEN 'same_account'
        WHEN NOT bool_or(p_initiator IN (i.payer, i.payee)) THEN 'not_in_group'
        WHEN bool_or(a.id IS NULL OR b.id IS NULL OR a.kind = 'member' AND NOT listed(a.status)
                     OR b.kind = 'member' AND NOT listed(b.status)) THEN 'unknown_account'
        WHEN NOT me.may_trade THEN 'may_not_trade'
        WHEN bool_or(a.unit <> me.unit OR b.unit <> me.unit) THEN 'other_unit'
        WHEN NOT bool_and(a.may_trade AND b.may_trade) THEN 'other_may_not_trade'
        WHEN bool_or(a.frozen OR b.frozen) THEN 'account_frozen'
        ELSE ''
    END INTO v_code
    FROM unnest(p_payers, p_payees) AS i(payer, payee)
    LEFT JOIN account a ON a.number = i.payer LEFT JOIN account b ON b.number = i.payee;
    IF v_code <> '' THEN
        RETURN QUERY SELECT v_code, NULL::bigint, known.caller IS NOT NULL,
            CASE WHEN v_code = 'ok' THEN group_json(known.transfer_id)::text END;
        RETURN;
    END IF;
    v_now := clock_timestamp();
    INSERT INTO transfer_group (id, initiator, created_at, expires_at) VALUES (p_group, me.id, v_now, v_now + p_lifetime);
    INSERT INTO transfer (id, payer, payee, amount, kind, description, initiator, initiator_user, created_at, expires_at,
                          body_hash, fee_total, group_id)
    SELECT i.id, a.id, b.id, i.amount, 'transfer', i.description, 'group', p_caller, v_now, v_now + p_lifetime,
           header_hash(i.id, a.id, b.id, i.amount, 'transfer', i.description), fees_of(i.amount, a.id, b.id), p_group
    FROM unnest(p_ids, p_payers, p_payees, p_amounts, p_descriptions) AS i(id, payer, payee, amount, description)
    JOIN account a ON a.number = i.payer JOIN account b ON b.number = i.payee;
    PERFORM write_fees(p_ids);
    SELECT g.net INTO v_net FROM group_nets(p_group) g WHERE g.account_id = me.id;
    IF -v_net > me.balance - me.held_out - me.min_balance OR v_net > me.max_balance - me.balance THEN
        RAISE EXCEPTION 'limit_reached' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_within_limits';
    END IF;
    INSERT INTO hold (transfer_id, payer, payee, reserved, expires_at, remind_at)
    SELECT t.id, t.payer, t.payee, 0, v_now + p_lifetime, v_now + p_lifetime - p_remind_before
    FROM transfer t WHERE t.group_id = p_group AND t.kind <> 'fee';
    PERFORM consent(p_group, me.id, p_caller, CASE WHEN p_reserve THEN greatest(-v_net, 0) ELSE 0 END);
    PERFORM remember('group', ARRAY[p_caller], ARRAY[p_key], ARRAY[p_hash], ARRAY['ok'], ARRAY[p_group], ARRAY[p_group]);
    PERFORM tell_group(p_group, p_request);
    RETURN QUERY SELECT 'ok', NULL::bigint, false, group_json(p_group)::text;
END
$$;

CREATE FUNCTION consent(p_group uuid, p_account uuid, p_caller text, p_reserved bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO group_consent (group_id, account_id, reserved, at, actor)
    VALUES (p_group, p_account, p_reserved, clock_timestamp(), p_caller);
    IF p_reserved > 0 THEN
        UPDATE account SET held_out = held_out + p_reserved WHERE id = p_account;
    END IF;
END
$$;

-- `p_for`: the entity that consents. With the last consent all is posted; where a limit would break then, all is
-- cancelled by the system.
CREATE FUNCTION accept_group(
    p_group uuid, p_for uuid, p_caller text, p_entity uuid, p_reserve boolean, p_request text
) RETURNS TABLE (code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    me account;
    v_code text := 'ok';
    v_net bigint;
    v_open uuid[];
    v_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(posting_lock());
    PERFORM lock_group(p_group);
    SELECT a.* INTO me FROM account a JOIN group_nets(p_group) g ON g.account_id = a.id WHERE a.entity_id = p_for;
    IF me.id IS NULL OR NOT acts_for(p_caller, p_entity, p_for) THEN
        RETURN QUERY SELECT 'not_a_party', NULL::bigint, false, NULL::text;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM group_consent c WHERE c.group_id = p_group AND c.account_id = me.id) THEN
        RETURN QUERY SELECT 'ok', NULL::bigint, true, group_json(p_group)::text;  -- a consent is given once
        RETURN;
    END IF;
    SELECT array_agg(t.id ORDER BY t.id) INTO v_open
    FROM transfer t JOIN hold h ON h.transfer_id = t.id WHERE t.group_id = p_group AND h.expires_at > clock_timestamp();
    SELECT g.net INTO v_net FROM group_nets(p_group) g WHERE g.account_id = me.id;
    v_code := CASE
        WHEN v_open IS NULL THEN 'transfer_finished'
        WHEN NOT me.may_trade THEN 'may_not_trade'
        WHEN EXISTS (SELECT FROM group_nets(p_group) g JOIN account a ON a.id = g.account_id WHERE a.frozen)
            THEN 'account_frozen'
        WHEN -v_net > me.balance - me.held_out - me.min_balance OR v_net > me.max_balance - me.balance
            THEN 'limit_reached'
        ELSE 'ok'
    END;
    IF v_code <> 'ok' THEN
        RETURN QUERY SELECT v_code, NULL::bigint, false, NULL::text;
        RETURN;
    END IF;
    PERFORM consent(p_group, me.id, p_caller, CASE WHEN p_reserve THEN greatest(-v_net, 0) ELSE 0 END);
    IF NOT EXISTS (
        SELECT FROM group_nets(p_group) g JOIN account a ON a.id = g.account_id
        WHERE a.kind = 'member' AND NOT EXISTS (
            SELECT FROM group_consent c WHERE c.group_id = p_group AND c.account_id = a.id))
    THEN
        PERFORM release_groups(ARRAY[p_group]);
        IF EXISTS (
            SELECT FROM group_nets(p_group) g JOIN account a ON a.id = g.account_id
            WHERE a.balance + g.net > a.max_balance OR a.balance + g.net - a.held_out < a.min_balance OR NOT a.may_trade)
        THEN
            PERFORM finish(v_open, 'refused_by_limit', 'system', NULL,
                'It would have passed a limit when the last party consented.');
            v_code := 'limit_reached';
        ELSE
            v_at := posting_time((SELECT array_agg(g.account_id) FROM group_nets(p_group) g));
            PERFORM book(array_agg(t.id), array_agg(t.payer), array_agg(t.payee), array_agg(t.amount),
                         array_agg(0::bigint), v_at)
            FROM (SELECT * FROM transfer WHERE group_id = p_group ORDER BY id) t;
            DELETE FROM hold WHERE transfer_id = ANY (v_open);
            INSERT INTO resolution (transfer_id, kind, at, actor, actor_user)
            SELECT t.id, 'completed', v_at, CASE WHEN t.payer = me.id THEN 'payer' WHEN t.payee = me.id THEN 'payee'
                   ELSE 'system' END, p_caller
            FROM transfer t WHERE t.group_id = p_group;
        END IF;
        PERFORM tell_group(p_group, p_request);
    END IF;
    RETURN QUERY SELECT v_code, NULL::bigint, false, group_json(p_group)::text;
END
$$;

-- Any party ends an open group, or an admin.
CREATE FUNCTION end_group(
    p_group uuid, p_caller text, p_entity uuid, p_admin boolean, p_reason text, p_request text
) RETURNS TABLE (code text, room bigint, replayed boolean, answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_starter uuid;
    v_open uuid[];
BEGIN
    PERFORM lock_group(p_group);
    SELECT g.initiator INTO v_starter FROM transfer_group g WHERE g.id = p_group;
    IF v_starter IS NULL OR NOT p_admin AND NOT EXISTS (
        SELECT FROM group_nets(p_group) g JOIN account a ON a.id = g.account_id
        WHERE acts_for(p_caller, p_entity, a.entity_id))
    THEN
        RETURN QUERY SELECT 'not_a_party', NULL::bigint, false, NULL::text;
        RETURN;
    END IF;
    SELECT array_agg(t.id ORDER BY t.id) INTO v_open
    FROM transfer t JOIN hold h ON h.transfer_id = t.id WHERE t.group_id = p_group;
    IF v_open IS NULL THEN
        RETURN QUERY SELECT 'transfer_finished', NULL::bigint, false, NULL::text;
        RETURN;
    END IF;
    PERFORM release_groups(ARRAY[p_group]);
    PERFORM finish(v_open, CASE WHEN p_admin OR EXISTS (
            SELECT FROM account a WHERE a.id = v_starter AND acts_for(p_caller, p_entity, a.entity_id))
        THEN 'cancelled' ELSE 'rejected' END, CASE WHEN p_admin THEN 'admin' ELSE 'system' END, p_caller, p_reason);
    PERFORM tell_group(p_group, p_request);
    RETURN QUERY SELECT 'ok', NULL::bigint, false, group_json(p_group)::text;
END
$$;
