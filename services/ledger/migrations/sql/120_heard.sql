-- What other services tell, each in one call: remembered by message id and by sequence, and acted on, in one transaction.
-- False: heard before, or older than what is known.
CREATE FUNCTION hear_first(p_message text, p_type text, p_subject text, p_sequence bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inbox (id) VALUES (p_message) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO inbox_newest AS known (subject, type, sequence) VALUES (p_subject, p_type, p_sequence)
    ON CONFLICT (subject, type) DO UPDATE SET sequence = excluded.sequence WHERE known.sequence < excluded.sequence;
    RETURN FOUND;
END
$$;

CREATE FUNCTION hear_registered(
    p_message text, p_type text, p_subject text, p_sequence bigint,
    p_id uuid, p_entity uuid, p_name text, p_owner text, p_number text, p_unit text, p_min bigint, p_max bigint
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_code text;
BEGIN
    IF NOT hear_first(p_message, p_type, p_subject, p_sequence) THEN
        RETURN 'heard';
    END IF;
    v_code := open_account(p_id, p_entity, p_name, p_owner, p_number, p_unit, p_min, p_max, NULL);
    IF v_code <> 'ok' THEN
        RAISE EXCEPTION 'account number taken' USING ERRCODE = 'unique_violation';  -- unheard again, for another try
    END IF;
    RETURN v_code;
END
$$;

-- A status or a name; of an entity whose account is not open yet nothing is remembered.
CREATE FUNCTION hear_standing(
    p_message text, p_type text, p_subject text, p_sequence bigint,
    p_entity uuid, p_status text, p_may_trade boolean, p_name text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account WHERE entity_id = p_entity) THEN
        RETURN 'unknown_account';
    END IF;
    IF NOT hear_first(p_message, p_type, p_subject, p_sequence) THEN
        RETURN 'heard';
    END IF;
    RETURN set_standing(p_entity, p_status, p_may_trade, p_name, NULL, NULL);
END
$$;

CREATE FUNCTION hear_deleted(p_message text, p_type text, p_subject text, p_sequence bigint, p_entity uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT hear_first(p_message, p_type, p_subject, p_sequence) THEN
        RETURN 'heard';
    END IF;
    RETURN close_account(p_entity, NULL, NULL);
END
$$;

CREATE FUNCTION hear_membership(
    p_message text, p_type text, p_subject text, p_sequence bigint, p_entity uuid, p_user text, p_role text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT hear_first(p_message, p_type, p_subject, p_sequence) THEN
        RETURN 'heard';
    END IF;
    PERFORM set_membership(p_entity, p_user, p_role);
    RETURN 'ok';
END
$$;
