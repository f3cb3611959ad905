-- Makes the yearly partitions of historical_data that hold the days from p_first to p_last, and says how many were new.
-- SECURITY DEFINER: the bars service may have a partition made, and nothing else of the owner's.
CREATE OR REPLACE FUNCTION create_bar_partitions(p_first date, p_last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_year integer;
    v_made integer := 0;
BEGIN
    IF p_first IS NULL OR p_last IS NULL OR p_first > p_last OR p_first < '1970-01-01' OR p_last > now() + interval '10 years' THEN
        RAISE EXCEPTION 'no partitions from % to %', p_first, p_last USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR v_year IN extract(year FROM p_first)::integer .. extract(year FROM p_last)::integer LOOP
        IF to_regclass(format('public.historical_data_%s', v_year)) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('tickstock.create_bar_partitions'));
            CONTINUE WHEN to_regclass(format('public.historical_data_%s', v_year)) IS NOT NULL;
            -- made and then attached: PARTITION OF would lock out every reader of the bars
            EXECUTE format('CREATE TABLE historical_data_%s (LIKE historical_data INCLUDING DEFAULTS)', v_year);
            EXECUTE format(
                'ALTER TABLE historical_data ATTACH PARTITION historical_data_%s FOR VALUES FROM (%L) TO (%L)',
                v_year, make_date(v_year, 1, 1), make_date(v_year + 1, 1, 1));
            v_made := v_made + 1;
        END IF;
    END LOOP;
    RETURN v_made;
END
$$;
