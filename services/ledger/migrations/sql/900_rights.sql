-- Who may do what. The service writes no table: it calls these functions and reads these views.
CREATE VIEW entry_view AS
SELECT account_id, seq, transfer_id, amount, balance_after, at, recorded_at, pos FROM entry;

CREATE VIEW hold_view AS SELECT transfer_id, payer, payee, reserved, expires_at FROM hold;

CREATE VIEW resolution_view AS SELECT transfer_id, kind, at, actor, actor_user, reason FROM resolution;

CREATE VIEW limit_change_view AS SELECT id, account_id, old_min, old_max, new_min, new_max, by, reason, at FROM limit_change;

CREATE VIEW membership_view AS SELECT entity_id, user_id, role FROM membership;

CREATE VIEW block_view AS
SELECT n, first_pos, upto_pos, count, merkle_root, previous_hash, hash, signature, sealed_at FROM block;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    seen text;
    called regprocedure;
    owned regclass;
BEGIN
    FOREACH seen IN ARRAY ARRAY['account_view', 'transfer_view', 'entry_view', 'hold_view', 'resolution_view',
                                'limit_change_view', 'membership_view', 'block_view', 'fee_rule_view',
                                'group_consent_view']
    LOOP
        EXECUTE format('GRANT SELECT ON %I TO mccs_ledger_service', seen);
    END LOOP;
    FOR owned IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relowner = current_user::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', owned);
        EXECUTE format('GRANT SELECT ON %s TO mccs_ledger_auditor', owned);
    END LOOP;
    FOR called IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
           OR p.pronamespace = 'public'::regnamespace
              AND p.proname IN ('transfer_json', 'fees_json', 'rfc3339', 'listed', 'band_of', 'fee_of', 'fees_of',
                                'group_json', 'acts_for')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO mccs_ledger_service', called);
    END LOOP;
END
$$;

GRANT SELECT, UPDATE, DELETE ON outbox TO mccs_ledger_relay;

GRANT SELECT, DELETE ON inbox TO mccs_ledger_relay;
