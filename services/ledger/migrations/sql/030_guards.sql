-- What the tables refuse, whoever speaks.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is booked stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION refuse_unbalanced() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_transfer uuid;
BEGIN
    SELECT transfer_id INTO v_transfer FROM inserted GROUP BY transfer_id HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the legs of transfer % do not sum to zero', v_transfer USING ERRCODE = 'check_violation';
    END IF;
    SELECT i.transfer_id INTO v_transfer
    FROM inserted i
    LEFT JOIN public.transfer t ON t.id = i.transfer_id
    LEFT JOIN public.account a ON a.id = i.account_id
    WHERE NOT coalesce(
        (i.account_id = t.payer AND i.amount = -t.amount OR i.account_id = t.payee AND i.amount = t.amount)
        AND (i.seq < a.seq OR i.seq = a.seq AND i.balance_after = a.balance), false)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer %: an entry that does not follow from its header and its account', v_transfer
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_silent_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account %: its balance and its sequence change together, and only with an entry', OLD.number
        USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION refuse_balance_without_entry() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_number text;
BEGIN
    SELECT a.number INTO v_number
    FROM changed a LEFT JOIN public.entry e ON e.account_id = a.id AND e.seq = a.seq
    -- a frozen account is one that the auditor found contradicting its entries: it could not be frozen otherwise
    WHERE a.seq > 0 AND NOT a.frozen AND e.balance_after IS DISTINCT FROM a.balance LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account %: the balance does not follow from an entry', v_number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_begun() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account %: it begins empty', NEW.number USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION refuse_number() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is not an account number', NEW.number USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION refuse_other_identity() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account %: its id, number, entity, kind and unit are permanent', OLD.number
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER entry_balanced AFTER INSERT ON entry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced();

CREATE TRIGGER account_balance_by_seq BEFORE UPDATE ON account FOR EACH ROW
    WHEN (NEW.seq < OLD.seq OR NEW.seq = OLD.seq AND (NEW.balance <> OLD.balance OR NEW.last_at <> OLD.last_at))
    EXECUTE FUNCTION refuse_silent_balance();

-- An account and its newest entry agree at the end of every statement: book both in one.
CREATE TRIGGER account_balance_by_entry AFTER UPDATE ON account
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_balance_without_entry();

CREATE TRIGGER account_number BEFORE INSERT ON account FOR EACH ROW
    WHEN (NOT luhn_valid(NEW.number)) EXECUTE FUNCTION refuse_number();

CREATE TRIGGER account_begins_empty BEFORE INSERT ON account FOR EACH ROW
    WHEN (NEW.balance <> 0 OR NEW.seq <> 0 OR NEW.held_out <> 0) EXECUTE FUNCTION refuse_begun();

CREATE TRIGGER account_identity BEFORE UPDATE ON account FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.number <> OLD.number OR NEW.entity_id IS DISTINCT FROM OLD.entity_id
          OR NEW.kind <> OLD.kind OR NEW.unit <> OLD.unit OR NEW.opened_at <> OLD.opened_at)
    EXECUTE FUNCTION refuse_other_identity();

CREATE TRIGGER account_stays BEFORE DELETE ON account FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER account_not_emptied BEFORE TRUNCATE ON account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['transfer', 'transfer_group', 'group_consent', 'resolution', 'entry', 'limit_change',
                                'fee_rule', 'fee_rule_end', 'block']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                       name || '_append_only', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_not_emptied', name);
    END LOOP;
END
$$;

CREATE TRIGGER hold_not_emptied BEFORE TRUNCATE ON hold FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER idempotency_kept BEFORE UPDATE ON idempotency FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER idempotency_not_emptied BEFORE TRUNCATE ON idempotency
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
