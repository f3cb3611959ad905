-- Whose bars a session should have: listed when it was scanned (the first scan's symbols were so before it), not delisted by
-- then, and not absent from the listing by then.
CREATE OR REPLACE FUNCTION expected_symbols(p_session date) RETURNS TABLE (symbol_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT id FROM symbols
     WHERE (bootstrap OR first_seen <= p_session) AND (delist_date IS NULL OR delist_date > p_session)
       AND (absent_since IS NULL OR absent_since > p_session OR delist_date IS NOT NULL)
$$;
