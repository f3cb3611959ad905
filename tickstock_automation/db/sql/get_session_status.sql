-- May this session's data be used? completeness is stored / (expected - known empty), 1 where nothing is expected.
CREATE OR REPLACE FUNCTION get_session_status(p_session date)
RETURNS TABLE (state text, completeness double precision, reasons jsonb, ready_at timestamptz)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(s.state, 'missing'),
           CASE WHEN s.session IS NULL THEN 0
                WHEN s.expected = s.known_empty THEN 1
                ELSE s.stored::double precision / (s.expected - s.known_empty) END,
           coalesce(s.reasons, '["this session was never loaded"]'::jsonb),
           s.ready_at
      FROM (SELECT p_session AS asked) q
      LEFT JOIN session_status s ON s.session = q.asked
$$;
