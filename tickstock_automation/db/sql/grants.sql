-- Who may do what. The login of DATABASE_URI is a member of each role and every transaction of a service names one.


-- What tickstock_owner owns, and nothing else that may lie in the same schema.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN SELECT oid::regclass FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
                      AND pg_get_userbyid(relowner) = 'tickstock_owner' LOOP
        EXECUTE format('GRANT SELECT ON %s TO tickstock_quality_monitor, tickstock_app', v_table);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    symbols, symbol_aliases, universes, universe_members, ipo_calendar, scan_runs,
    historical_data, corporate_actions, bar_requests, backfill_jobs, loads, quarantined_bars, bar_corrections,
    known_empty, session_status, eod_runs, repair_requests,
    equity_types, equity_processing_queue, processing_stats
    TO tickstock_ipo_monitor;
GRANT USAGE ON SEQUENCE claim_tokens TO tickstock_ipo_monitor;
GRANT SELECT ON quality_alerts, quality_metrics, adjusted_bars TO tickstock_ipo_monitor;
GRANT INSERT ON outbox TO tickstock_ipo_monitor, tickstock_quality_monitor;
GRANT SELECT, INSERT ON operational_findings TO tickstock_ipo_monitor, tickstock_quality_monitor, tickstock_relay;

GRANT INSERT, UPDATE, DELETE ON quality_alerts, quality_metrics, repair_requests, bar_requests TO tickstock_quality_monitor;

GRANT SELECT, UPDATE (batch), DELETE ON outbox TO tickstock_relay;
GRANT SELECT, UPDATE ON relay_state TO tickstock_relay;

GRANT INSERT, UPDATE, DELETE ON user_preferences TO tickstock_app;

REVOKE EXECUTE ON FUNCTION queue_symbols_for_processing(text, text[], text), create_bar_partitions(date, date),
    update_processing_stats(text, integer, integer, double precision), get_equity_processing_config(text),
    get_symbols_for_processing(text, integer), get_session_status(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_equity_processing_config(text), get_symbols_for_processing(text, integer),
    get_session_status(date) TO tickstock_ipo_monitor, tickstock_quality_monitor, tickstock_app;
GRANT EXECUTE ON FUNCTION queue_symbols_for_processing(text, text[], text)
    TO tickstock_ipo_monitor, tickstock_quality_monitor;
GRANT EXECUTE ON FUNCTION update_processing_stats(text, integer, integer, double precision), create_bar_partitions(date, date)
    TO tickstock_ipo_monitor;
