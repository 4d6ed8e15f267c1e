-- What the auditor found, append-only; an open fault keeps the accounts it names frozen.
CREATE TABLE audit_fault (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_name text NOT NULL,
    detail text NOT NULL,
    numbers text[] NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE audit_clearance (
    fault_id bigint PRIMARY KEY REFERENCES audit_fault,
    cleared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);

CREATE TABLE audit_run (
    kind text PRIMARY KEY CHECK (kind IN ('sums', 'changed', 'full')),
    at timestamptz NOT NULL,
    took_ms integer NOT NULL,
    faults integer NOT NULL
);

-- The guards as they were set: triggers, constraints and functions by their definitions' hashes.
CREATE TABLE guard (
    kind text NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (kind, name)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_fault', 'audit_clearance', 'guard']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                       name || '_append_only', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_not_emptied', name);
    END LOOP;
END
$$;

CREATE VIEW audit_open AS
SELECT f.id, f.check_name, f.detail, f.numbers, f.found_at
FROM audit_fault f WHERE NOT EXISTS (SELECT FROM audit_clearance c WHERE c.fault_id = f.id);

-- The guards that stand now. Layout and server version must not show: definitions as text, without oids.
CREATE VIEW guard_now AS
SELECT 'trigger' AS kind, c.relname || '.' || t.tgname AS name,
       md5(t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)) AS digest
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', c.relname || '.' || k.conname, md5(k.convalidated || ' ' || pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('c', 'p', 'u', 'f')
UNION ALL
SELECT 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       md5(p.prosrc || ' ' || p.prosecdef || ' ' || coalesce(array_to_string(p.proconfig, ','), ''))
FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prolang <> 0
UNION ALL
SELECT 'right', c.relname, md5(concat_ws(' ',
    has_table_privilege('mccs_ledger_service', c.oid, 'INSERT'), has_table_privilege('mccs_ledger_service', c.oid, 'UPDATE'),
    has_table_privilege('mccs_ledger_service', c.oid, 'DELETE'), has_table_privilege('mccs_ledger_service', c.oid, 'TRUNCATE')))
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r';

-- Notes faults that are not open already, freezes the accounts they name, tells. How many were new.
CREATE FUNCTION audit_report(p_kind text, p_took_ms integer, p_faults jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_fault jsonb;
    v_id bigint;
    v_new integer := 0;
    v_numbers text[];
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock() + 2);
    FOR v_fault IN SELECT * FROM jsonb_array_elements(p_faults)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM audit_open o WHERE o.check_name = v_fault->>'check' AND o.detail = v_fault->>'detail');
        v_numbers := ARRAY(SELECT jsonb_array_elements_text(v_fault->'numbers') ORDER BY 1);
        INSERT INTO audit_fault (check_name, detail, numbers)
        VALUES (v_fault->>'check', v_fault->>'detail', v_numbers) RETURNING id INTO v_id;
        PERFORM FROM account WHERE number = ANY (v_numbers) AND NOT frozen ORDER BY id FOR NO KEY UPDATE;
        BEGIN
            UPDATE account SET frozen = true WHERE number = ANY (v_numbers) AND NOT frozen;
        EXCEPTION WHEN check_violation THEN
            -- the broken account itself may refuse any update: its guard then holds it anyway
            NULL;
        END;
        INSERT INTO outbox (id, type, subject, sequence, time, data)
        VALUES (new_id(), 'ledger.books.broken.v1', 'books', v_id, clock_timestamp(), jsonb_build_object(
            'check', v_fault->>'check', 'detail', v_fault->>'detail', 'account_numbers', to_jsonb(v_numbers)));
        v_new := v_new + 1;
    END LOOP;
    INSERT INTO audit_run (kind, at, took_ms, faults)
    VALUES (p_kind, clock_timestamp(), p_took_ms, jsonb_array_length(p_faults))
    ON CONFLICT (kind) DO UPDATE SET at = excluded.at, took_ms = excluded.took_ms, faults = excluded.faults;
    RETURN v_new;
END
$$;

-- An operator has repaired what was found: the accounts that no other open fault names are free again.
CREATE FUNCTION audit_clear(p_fault bigint, p_by text, p_reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_numbers text[];
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock() + 2);
    SELECT numbers INTO v_numbers FROM audit_open WHERE id = p_fault;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_clearance (fault_id, by, reason) VALUES (p_fault, p_by, p_reason);
    UPDATE account SET frozen = false
    WHERE number = ANY (v_numbers) AND frozen
      AND NOT EXISTS (SELECT FROM audit_open o WHERE account.number = ANY (o.numbers));
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION sealable_upto(), audit_report(text, integer, jsonb), audit_clear(bigint, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION seal_block(bigint, bigint, bigint, integer, bytea, bytea, bytea, bytea, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION sealable_upto(), audit_report(text, integer, jsonb), audit_clear(bigint, text, text)
TO mccs_ledger_auditor;

GRANT EXECUTE ON FUNCTION seal_block(bigint, bigint, bigint, integer, bytea, bytea, bytea, bytea, bytea)
TO mccs_ledger_auditor;

GRANT EXECUTE ON FUNCTION header_hash(uuid, uuid, uuid, bigint, text, text) TO mccs_ledger_auditor;

GRANT SELECT ON audit_fault, audit_clearance, audit_run, audit_open, guard, guard_now TO mccs_ledger_auditor;

-- last: what stands now is what must stand later
INSERT INTO guard (kind, name, digest) SELECT kind, name, digest FROM guard_now;
