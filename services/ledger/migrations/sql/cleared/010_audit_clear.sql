-- An operator has repaired what was found: the accounts that no other open fault names are free again, and the activity
-- log hears who said so and why. Raises check_violation where an account still contradicts its entries.
CREATE OR REPLACE FUNCTION audit_clear(p_fault bigint, p_by text, p_reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_fault audit_open;
    v_frozen text[];
    v_freed text[];
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock() + 2);
    SELECT * INTO v_fault FROM audit_open WHERE id = p_fault;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_clearance (fault_id, by, reason) VALUES (p_fault, p_by, p_reason);
    v_frozen := ARRAY(SELECT number FROM account WHERE number = ANY (v_fault.numbers) AND frozen ORDER BY number);
    WITH freed AS (
        UPDATE account SET frozen = false
        WHERE number = ANY (v_frozen)
          AND NOT EXISTS (SELECT FROM audit_open o WHERE account.number = ANY (o.numbers))
        RETURNING number
    )
    SELECT array_agg(number) INTO v_freed FROM freed;
    -- `operator` is the command line of the node, not a person that it knows
    PERFORM tell_audit(
        nullif(p_by, 'operator'), CASE p_by WHEN 'operator' THEN 'system' ELSE 'admin' END, 'fault.cleared',
        format('Declared a fault of the books repaired: %s', p_reason), 'fault', p_fault::text, NULL,
        jsonb_build_object('check', v_fault.check_name, 'detail', v_fault.detail, 'frozen_accounts', to_jsonb(v_frozen)),
        jsonb_build_object('reason', p_reason, 'frozen_accounts', to_jsonb(
            ARRAY(SELECT n FROM unnest(v_frozen) AS n WHERE n <> ALL (coalesce(v_freed, '{}')) ORDER BY n))),
        NULL);
    RETURN true;
END
$$;

SELECT set_guards();
