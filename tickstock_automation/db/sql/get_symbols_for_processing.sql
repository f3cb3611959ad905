-- What the dispatcher would claim of one type: what is due, highest priority first, then longest wait; nothing of a type
-- that is paused. Reads only. (Of one type all have one priority, unless someone changed it while they waited; past its
-- bound, a setting of the dispatcher's, the longest wait goes before any priority.)
CREATE OR REPLACE FUNCTION get_symbols_for_processing(p_equity_type text, p_limit integer)
RETURNS TABLE (symbol text, name text, exchange text, market_cap double precision, processing_priority bigint)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    v_config jsonb := get_equity_processing_config(p_equity_type);
BEGIN
    IF v_config = '{}' THEN
        RAISE EXCEPTION 'unknown equity type: %', coalesce(p_equity_type, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_limit IS NULL OR p_limit < 0 THEN
        RAISE EXCEPTION 'limit must not be negative: %', coalesce(p_limit::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF v_config ->> 'paused_at' IS NOT NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.ticker, s.name, s.exchange, s.market_cap, q.processing_priority
      FROM equity_processing_queue q
      JOIN symbols s ON s.id = q.symbol_id
     WHERE q.equity_type = p_equity_type AND q.status = 'pending' AND q.scheduled_time <= now()
     ORDER BY q.processing_priority DESC, q.scheduled_time, q.id
     LIMIT p_limit;
END
$$;
