-- Records a finished batch; p_processed does not include p_failed, p_seconds is how long it took.
CREATE OR REPLACE FUNCTION update_processing_stats(
    p_equity_type text, p_processed integer, p_failed integer, p_seconds double precision
) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM equity_types t WHERE t.name = p_equity_type) THEN
        RAISE EXCEPTION 'unknown equity type: %', coalesce(p_equity_type, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_processed IS NULL OR p_failed IS NULL OR p_seconds IS NULL OR p_processed < 0 OR p_failed < 0
       OR p_seconds < 0 OR p_seconds >= 'Infinity' THEN  -- NaN counts as more than that
        RAISE EXCEPTION 'figures must be there, finite and not negative: processed %, failed %, seconds %', p_processed, p_failed, p_seconds
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO processing_stats (equity_type, processed, failed, seconds)
    VALUES (p_equity_type, p_processed, p_failed, p_seconds);
    RETURN true;
END
$$;
