-- Roles belong to the cluster: several ledgers of one cluster share them. None of them can log in; the service's login
-- role is a member and takes one on with SET ROLE.
DO $$
DECLARE
    wanted text;
    -- from version 16 on whoever makes a role is its administrator without being able to take it on
    taking_on CONSTANT text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['mccs_ledger_owner', 'mccs_ledger_service', 'mccs_ledger_relay', 'mccs_ledger_auditor']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the cluster migrates at the same moment
            END;
        END IF;
        -- whoever migrates must be able to make things in the owner's name, and a plain login takes on its service's role
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
           AND NOT pg_has_role(session_user, wanted, taking_on) THEN
            EXECUTE format('GRANT %I TO %I', wanted, session_user);
        END IF;
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT CREATE, USAGE ON SCHEMA public TO mccs_ledger_owner;

GRANT USAGE ON SCHEMA public TO mccs_ledger_service, mccs_ledger_relay, mccs_ledger_auditor;
