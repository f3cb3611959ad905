-- Queues symbols of one type, NULL for all active ones of it; says how many were newly queued.
-- A symbol that waits or is being worked on is not queued twice. Past the bound (setting tickstock.queue_bound,
-- 100000 where it is not set) nothing is queued. Who queues waits for whoever queued and has not committed yet, so that
-- together they do not overshoot the bound. SECURITY DEFINER: who may queue need not be able to write the table.
CREATE OR REPLACE FUNCTION queue_symbols_for_processing(
    p_equity_type text, p_symbols text[] DEFAULT NULL, p_reason text DEFAULT 'asked'
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_priority bigint;
    v_wrong text;
    v_queued integer;
    v_waiting bigint;
    v_bound bigint := coalesce(nullif(current_setting('tickstock.queue_bound', true), '')::bigint, 100000);
BEGIN
    SELECT priority_level INTO v_priority FROM equity_types WHERE name = p_equity_type;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown equity type: %', coalesce(p_equity_type, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT name FROM equity_types lists them.';
    END IF;
    SELECT string_agg(coalesce(asked.ticker, 'NULL'), ', ' ORDER BY asked.ticker) INTO v_wrong
      FROM unnest(p_symbols) AS asked (ticker)
      LEFT JOIN symbols s ON s.ticker = asked.ticker AND s.active
     WHERE s.id IS NULL OR s.equity_type <> p_equity_type;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'unknown symbols, or not of type %: %', p_equity_type, v_wrong
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Before any row is written, so that nobody who waits here holds what the one before needs. processing/by_hand.py
    -- takes the same lock.
    PERFORM pg_advisory_xact_lock(hashtext('equity_processing_queue'));
    INSERT INTO equity_processing_queue (equity_type, symbol_id, reason, processing_priority)
    SELECT p_equity_type, s.id, p_reason, v_priority
      FROM symbols s
     WHERE s.active AND s.equity_type = p_equity_type AND (p_symbols IS NULL OR s.ticker = ANY (p_symbols))
     ORDER BY s.id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_queued = ROW_COUNT;
    IF v_queued > 0 THEN
        SELECT count(*) INTO v_waiting FROM equity_processing_queue WHERE status IN ('pending', 'running');
        IF v_waiting > v_bound THEN
            RAISE EXCEPTION 'the processing queue is full: % would wait and % may', v_waiting, v_bound
                USING ERRCODE = 'program_limit_exceeded', HINT = 'Wait until workers have caught up, or raise the bound.';
        END IF;
    END IF;
    RETURN v_queued;
END
$$;
