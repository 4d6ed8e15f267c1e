-- Opening, standing, limits, closing of accounts; who acts for whom.
CREATE VIEW account_view AS
SELECT
    id, number, entity_id, kind, unit, name, status, may_trade, frozen, balance, held_out, min_balance, max_balance, seq,
    last_at, only_imported, band, band_seq, opened_at, closed_at
FROM account;

-- Idempotent. `number_taken`: the caller tries another number. A name changes nothing on an account that is there.
CREATE FUNCTION open_account(
    p_id uuid, p_entity uuid, p_name text, p_owner text, p_number text, p_unit text, p_min bigint, p_max bigint,
    p_request text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_number text;
BEGIN
    IF p_owner IS NOT NULL THEN
        INSERT INTO membership (entity_id, user_id, role) VALUES (p_entity, p_owner, 'owner') ON CONFLICT DO NOTHING;
    END IF;
    IF EXISTS (SELECT FROM account WHERE entity_id = p_entity) THEN
        RETURN 'ok';
    END IF;
    INSERT INTO account (id, number, entity_id, kind, unit, name, min_balance, max_balance)
    VALUES (p_id, p_number, p_entity, 'member', p_unit, p_name, p_min, p_max)
    ON CONFLICT DO NOTHING
    RETURNING number INTO v_number;
    IF v_number IS NULL THEN
        IF EXISTS (SELECT FROM account WHERE entity_id = p_entity) THEN
            RETURN 'ok';
        END IF;
        RETURN 'number_taken';
    END IF;
    INSERT INTO limit_change (account_id, old_min, old_max, new_min, new_max, by, reason)
    VALUES (p_id, 0, 0, p_min, p_max, NULL, 'opened');
    INSERT INTO outbox (id, type, subject, sequence, time, data, correlationid)
    VALUES (new_id(), 'ledger.account.opened.v1', p_entity, 1, clock_timestamp(),
        jsonb_build_object('account_id', p_id, 'entity_id', p_entity, 'number', p_number), p_request);
    RETURN 'ok';
END
$$;

-- An account of the community itself, for fees and corrections. One of a name.
CREATE FUNCTION open_community_account(p_id uuid, p_name text, p_number text, p_unit text, p_min bigint, p_max bigint)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7230192837466);
    IF EXISTS (SELECT FROM account WHERE kind = 'community' AND name = p_name) THEN
        RETURN 'ok';
    END IF;
    INSERT INTO account (id, number, kind, unit, name, status, may_trade, min_balance, max_balance)
    VALUES (p_id, p_number, 'community', p_unit, p_name, 'tradingAccepted', true, p_min, p_max)
    ON CONFLICT (number) DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'ok' ELSE 'number_taken' END;
END
$$;

-- What the directory says of an entity. A null leaves as it is; a closed account stays closed.
CREATE FUNCTION set_standing(
    p_entity uuid, p_status text, p_may_trade boolean, p_name text, p_admin text, p_request text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a account;
BEGIN
    SELECT * INTO a FROM account WHERE entity_id = p_entity FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_account';
    END IF;
    IF a.closed_at IS NOT NULL THEN
        RETURN 'account_closed';
    END IF;
    UPDATE account
    SET status = coalesce(p_status, status), may_trade = coalesce(p_may_trade, may_trade), name = coalesce(p_name, name)
    WHERE id = a.id
      AND (status, may_trade, name) IS DISTINCT FROM
          (coalesce(p_status, status), coalesce(p_may_trade, may_trade), coalesce(p_name, name));
    IF FOUND AND p_admin IS NOT NULL AND p_may_trade IS DISTINCT FROM a.may_trade THEN
        PERFORM tell_audit(p_admin, 'admin', 'standing.changed', 'The standing of an account was changed.', 'account',
            a.number, p_entity, jsonb_build_object('status', a.status, 'may_trade', a.may_trade),
            jsonb_build_object('status', p_status, 'may_trade', p_may_trade), p_request);
    END IF;
    RETURN 'ok';
END
$$;

-- A limit that the present balance breaks is refused (LE-18). A null leaves a side as it is.
CREATE FUNCTION set_limits(
    p_entity uuid, p_min bigint, p_max bigint, p_by text, p_reason text, p_request text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a account;
    v_min bigint;
    v_max bigint;
    v_band smallint;
BEGIN
    SELECT * INTO a FROM account WHERE entity_id = p_entity FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_account';
    END IF;
    IF a.closed_at IS NOT NULL THEN
        RETURN 'account_closed';
    END IF;
    v_min := coalesce(p_min, a.min_balance);
    v_max := coalesce(p_max, a.max_balance);
    IF (v_min, v_max) = (a.min_balance, a.max_balance) THEN
        RETURN 'ok';
    END IF;
    IF a.balance > v_max OR a.balance - a.held_out < v_min THEN
        RETURN 'limit_below_balance';
    END IF;
    v_band := band_of(a.balance, v_min, v_max);
    UPDATE account
    SET min_balance = v_min, max_balance = v_max, limits_seq = limits_seq + 1,
        band = v_band, band_seq = band_seq + (v_band <> a.band)::int
    WHERE id = a.id;
    INSERT INTO limit_change (account_id, old_min, old_max, new_min, new_max, by, reason)
    VALUES (a.id, a.min_balance, a.max_balance, v_min, v_max, p_by, p_reason);
    INSERT INTO outbox (id, type, subject, sequence, time, data, correlationid)
    VALUES (new_id(), 'ledger.limits.changed.v1', p_entity, a.limits_seq + 1, clock_timestamp(), jsonb_build_object(
        'entity_id', p_entity, 'number', a.number, 'max_negative_minor', -v_min, 'max_positive_minor', v_max, 'by', p_by,
        'reason', p_reason), p_request);
    IF v_band <> a.band THEN
        PERFORM tell_band(ARRAY[a.id]);
    END IF;
    PERFORM tell_audit(p_by, 'admin', 'limits.changed', 'The limits of an account were changed.', 'account', a.number,
        p_entity, jsonb_build_object('max_negative_minor', -a.min_balance, 'max_positive_minor', a.max_balance),
        jsonb_build_object('max_negative_minor', -v_min, 'max_positive_minor', v_max), p_request);
    RETURN 'ok';
END
$$;

-- Closes for ever; refused while there is a balance or an open transfer (LE-21). Idempotent.
CREATE FUNCTION close_account(p_entity uuid, p_by text, p_request text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    a account;
BEGIN
    SELECT * INTO a FROM account WHERE entity_id = p_entity FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_account';
    END IF;
    IF a.closed_at IS NOT NULL THEN
        RETURN 'ok';
    END IF;
    IF a.balance <> 0 THEN
        RETURN 'balance_not_zero';
    END IF;
    IF EXISTS (SELECT FROM hold WHERE payer = a.id OR payee = a.id) THEN
        RETURN 'transfers_open';
    END IF;
    UPDATE account SET status = 'closed', may_trade = false, closed_at = clock_timestamp() WHERE id = a.id;
    PERFORM tell_audit(p_by, CASE WHEN p_by IS NULL THEN 'system' ELSE 'admin' END, 'account.closed',
        'An account was closed.', 'account', a.number, p_entity, NULL, NULL, p_request);
    RETURN 'ok';
END
$$;

-- Who acts for an entity; a null role ends it.
CREATE FUNCTION set_membership(p_entity uuid, p_user text, p_role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF p_role IS NULL THEN
        DELETE FROM membership WHERE entity_id = p_entity AND user_id = p_user;
    ELSE
        INSERT INTO membership (entity_id, user_id, role) VALUES (p_entity, p_user, p_role)
        ON CONFLICT (entity_id, user_id) DO UPDATE SET role = excluded.role;
    END IF;
END
$$;

CREATE FUNCTION acts_for(p_user text, p_only uuid, p_entity uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT (p_only IS NULL OR p_only = p_entity)
            AND EXISTS (SELECT FROM membership m WHERE m.entity_id = p_entity AND m.user_id = p_user)
    );
END
$$;

-- For the activity log: refusals by a limit, several of one caller counted in one record.
CREATE FUNCTION record_refusal(p_caller text, p_number text, p_amount bigint, p_count integer, p_request text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM tell_audit(p_caller, 'user', 'limit.refused', 'A transfer was refused because of a limit.', 'account', p_number,
        (SELECT entity_id FROM account WHERE number = p_number), NULL,
        jsonb_build_object('amount_minor', p_amount, 'count', p_count), p_request);
END
$$;
