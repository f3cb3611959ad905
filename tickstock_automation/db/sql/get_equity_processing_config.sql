-- How symbols of a type are processed, as one object; {} for an unknown type.
CREATE OR REPLACE FUNCTION get_equity_processing_config(p_equity_type text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT to_jsonb(t) FROM equity_types t WHERE t.name = p_equity_type), '{}'::jsonb)
$$;
