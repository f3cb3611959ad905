-- The roles are cluster-wide: made if absent, another database's migration may be doing the same, and they stay.
DO $$
DECLARE
    v_role text;
    v_may text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['tickstock_owner', 'tickstock_relay', 'tickstock_ipo_monitor',
                                  'tickstock_quality_monitor', 'tickstock_app'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = v_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        v_may := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
        IF NOT pg_has_role(current_user, v_role, v_may) THEN
            EXECUTE format('GRANT %I TO %I', v_role, current_user);
        END IF;
    END LOOP;
    IF NOT has_schema_privilege('tickstock_owner', 'public', 'CREATE') THEN
        GRANT CREATE, USAGE ON SCHEMA public TO tickstock_owner;
    END IF;
    IF NOT has_schema_privilege('tickstock_app', 'public', 'USAGE') THEN
        GRANT USAGE ON SCHEMA public
            TO tickstock_relay, tickstock_ipo_monitor, tickstock_quality_monitor, tickstock_app;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the login % may not make the roles this system needs (%)', current_user, SQLERRM
        USING ERRCODE = 'insufficient_privilege', HINT = format(
            'Let an administrator run: CREATE ROLE tickstock_owner NOLOGIN; CREATE ROLE tickstock_relay NOLOGIN; '
            'CREATE ROLE tickstock_ipo_monitor NOLOGIN; CREATE ROLE tickstock_quality_monitor NOLOGIN; '
            'CREATE ROLE tickstock_app NOLOGIN; GRANT tickstock_owner, tickstock_relay, tickstock_ipo_monitor, '
            'tickstock_quality_monitor, tickstock_app TO %I; GRANT CREATE, USAGE ON SCHEMA public TO tickstock_owner;',
            current_user);
END
$$;
