-- A service can publish only its own event types: refused by the outbox itself, whatever the code does.
CREATE OR REPLACE FUNCTION outbox_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    v_service text := CASE current_user
        WHEN 'tickstock_ipo_monitor' THEN 'ipo_monitor'
        WHEN 'tickstock_quality_monitor' THEN 'data_quality_monitor' END;
    v_types text[] := CASE v_service
        WHEN 'ipo_monitor' THEN ARRAY['new_symbol', 'symbol_changed', 'symbol_archived', 'backfill_started',
            'backfill_progress', 'backfill_completed', 'maintenance_started', 'maintenance_completed', 'canary']
        WHEN 'data_quality_monitor' THEN ARRAY['price_anomaly', 'volume_anomaly', 'data_gap', 'daily_summary',
            'maintenance_started', 'maintenance_completed', 'canary'] END;
BEGIN
    IF v_service IS NULL OR NEW.service <> v_service OR NOT NEW.event_type = ANY (v_types) THEN
        RAISE EXCEPTION 'role % may not publish % as %', current_user, NEW.event_type, NEW.service
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.batch IS NOT NULL THEN
        RAISE EXCEPTION 'only the relay gives batch numbers' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION outbox_notify() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_notify('tickstock_outbox', '');  -- it only wakes the relay; one a transaction, however many rows
    RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS outbox_check ON outbox;
CREATE TRIGGER outbox_check BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_check();
DROP TRIGGER IF EXISTS outbox_notify ON outbox;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();
