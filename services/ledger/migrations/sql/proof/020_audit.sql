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

-- The guards as they were set: what refuses, and who may do what, by the hash of each one's definition. Whoever changes a
-- guard on purpose (a migration) calls set_guards() at its end; without a digest a guard was taken away on purpose.
CREATE TABLE guard (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    digest text,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX guard_newest ON guard (kind, name, id DESC);

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

-- The guards that stand now: definitions as text, without oids, so that a restored backup has the same.
CREATE VIEW guard_now AS
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'S', 'm', 'f', 'p')
      AND c.relname <> 'alembic_version'
), own AS (
    SELECT p.* FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
)
SELECT 'trigger' AS kind, c.relname || '.' || t.tgname AS name,
       md5(t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)) AS digest
FROM pg_trigger t JOIN ours c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'constraint', c.relname || '.' || k.conname, md5(k.convalidated || ' ' || pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN ours c ON c.oid = k.conrelid WHERE k.contype IN ('c', 'p', 'u', 'f')
UNION ALL
SELECT 'unique index', i.indexrelid::regclass::text, md5(i.indisvalid || ' ' || pg_get_indexdef(i.indexrelid))
FROM pg_index i JOIN ours c ON c.oid = i.indrelid WHERE i.indisunique
UNION ALL
SELECT 'column', c.relname || '.' || a.attname, md5(concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)))
FROM pg_attribute a JOIN ours c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'rule', r.ev_class::regclass::text || '.' || r.rulename, md5(r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid))
FROM pg_rewrite r JOIN ours c ON c.oid = r.ev_class
UNION ALL
SELECT 'table', c.relname, md5(concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
    pg_get_userbyid(c.relowner)))
FROM ours c
UNION ALL
SELECT 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', md5(concat_ws(' ',
    p.prosrc, p.prosecdef, p.provolatile, array_to_string(p.proconfig, ','), pg_get_userbyid(p.proowner)))
FROM own p
UNION ALL
SELECT 'right', 'on ' || c.relname, md5(coalesce((
    SELECT string_agg(concat_ws(' ', CASE x.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(x.grantee) END,
                                x.privilege_type, x.is_grantable), ',' ORDER BY x.grantee::regrole::text, x.privilege_type)
    FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner), ''))
FROM ours c
UNION ALL
SELECT 'right', 'on columns of ' || c.relname, md5(string_agg(a.attname || a.attacl::text, ',' ORDER BY a.attname))
FROM pg_attribute a JOIN ours c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL GROUP BY c.relname
UNION ALL
SELECT 'right', 'to call ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', md5(coalesce((
    SELECT string_agg(CASE x.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(x.grantee) END, ','
                      ORDER BY x.grantee::regrole::text)
    FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE x.grantee <> p.proowner), ''))
FROM own p
UNION ALL
SELECT 'right', 'of role ' || r.rolname, md5(concat_ws(' ', r.rolsuper, r.rolbypassrls, r.rolcreaterole,
    pg_has_role(r.oid, 'mccs_ledger_owner', 'MEMBER')))
FROM pg_roles r WHERE r.rolname IN ('mccs_ledger_service', 'mccs_ledger_relay', 'mccs_ledger_auditor')
UNION ALL
SELECT 'setting', 'session_replication_role', md5(current_setting('session_replication_role'));

CREATE VIEW guard_due AS
SELECT kind, name, digest FROM (
    SELECT DISTINCT ON (kind, name) kind, name, digest FROM guard ORDER BY kind, name, id DESC
) newest WHERE digest IS NOT NULL;

-- Owner only: what stands now is what must stand from now on.
CREATE FUNCTION set_guards() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO guard (kind, name, digest)
    SELECT coalesce(n.kind, d.kind), coalesce(n.name, d.name), n.digest
    FROM guard_due d FULL JOIN guard_now n ON n.kind = d.kind AND n.name = d.name
    WHERE d.digest IS DISTINCT FROM n.digest
$$;

-- Notes faults that are not open already, freezes the accounts they name, tells. How many were new.
CREATE FUNCTION audit_report(p_kind text, p_took_ms integer, p_faults jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_fault jsonb;
    v_id bigint;
    v_new integer := 0;
    v_numbers text[];
    v_account uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(posting_lock() + 2);
    FOR v_fault IN SELECT * FROM jsonb_array_elements(p_faults)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM audit_open o WHERE o.check_name = v_fault->>'check' AND o.detail = v_fault->>'detail');
        v_numbers := ARRAY(SELECT jsonb_array_elements_text(v_fault->'numbers') ORDER BY 1);
        INSERT INTO audit_fault (check_name, detail, numbers)
        VALUES (v_fault->>'check', v_fault->>'detail', v_numbers) RETURNING id INTO v_id;
        FOR v_account IN SELECT a.id FROM account a WHERE a.number = ANY (v_numbers) AND NOT a.frozen ORDER BY a.id
        LOOP
            BEGIN
                UPDATE account SET frozen = true WHERE id = v_account;
            EXCEPTION WHEN check_violation THEN
                NULL;  -- outside its limits: the constraint itself refuses every posting to it
            END;
        END LOOP;
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

-- An operator has repaired what was found: the accounts that no other open fault names are free again. Raises
-- check_violation where an account still contradicts its entries.
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

REVOKE ALL ON FUNCTION set_guards(), sealable_upto(), audit_report(text, integer, jsonb), audit_clear(bigint, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION seal_block(bigint, bigint, bigint, integer, bytea, bytea, bytea, bytea, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION sealable_upto(), audit_report(text, integer, jsonb), audit_clear(bigint, text, text)
TO mccs_ledger_auditor;

GRANT EXECUTE ON FUNCTION seal_block(bigint, bigint, bigint, integer, bytea, bytea, bytea, bytea, bytea)
TO mccs_ledger_auditor;

GRANT EXECUTE ON FUNCTION header_hash(uuid, uuid, uuid, bigint, text, text) TO mccs_ledger_auditor;

GRANT SELECT ON audit_fault, audit_clearance, audit_run, audit_open, guard_due, guard_now TO mccs_ledger_auditor;

-- last of all
SELECT set_guards();
