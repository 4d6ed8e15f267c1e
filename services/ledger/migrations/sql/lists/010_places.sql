-- Whose transfers there are and since when: lists are counted and ordered by it, and only the rows of a page are looked at
-- whole (transfer_view). The outcome is joined only where it is asked for.
CREATE VIEW transfer_place_view AS
SELECT t.id, t.kind, t.payer, t.payee, t.created_at, r.kind AS outcome
FROM transfer t LEFT JOIN resolution r ON r.transfer_id = t.id;

REVOKE ALL ON transfer_place_view FROM PUBLIC;

GRANT SELECT ON transfer_place_view TO mccs_ledger_service, mccs_ledger_auditor;

-- Every operation: look-ups by index alone (see 040_shared.sql).
DO $$
DECLARE
    operation regprocedure;
BEGIN
    FOR operation IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND 'enable_seqscan=off' = ANY (p.proconfig)
          AND NOT 'enable_material=off' = ANY (p.proconfig)
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET enable_hashjoin = off', operation);
        EXECUTE format('ALTER FUNCTION %s SET enable_mergejoin = off', operation);
        EXECUTE format('ALTER FUNCTION %s SET enable_material = off', operation);
    END LOOP;
END
$$;

SELECT set_guards();
