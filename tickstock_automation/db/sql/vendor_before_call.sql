-- May this call be made now? Counts it where it may. verdict: go; hold (a 429 said how long); open (the vendor is down, or refuses
-- the key: reason); budget (the day's calls are spent). wait_s: until it is worth asking again. day: the New York day it is
-- counted for; probe: the number of the one try that an open breaker lets through, null for other calls.
CREATE OR REPLACE FUNCTION vendor_before_call(
    p_vendor text, p_key text, p_endpoint text, p_budget bigint, p_lease_s double precision
) RETURNS TABLE (verdict text, wait_s double precision, reason text, error text, day date, probe bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    b vendor_breaker;
    v_now timestamptz := clock_timestamp();
BEGIN
    day := (v_now AT TIME ZONE 'America/New_York')::date;
    SELECT * INTO b FROM vendor_breaker v WHERE v.vendor = p_vendor AND v.key = p_key;
    IF NOT FOUND THEN
        INSERT INTO vendor_breaker (vendor, key) VALUES (p_vendor, p_key) ON CONFLICT DO NOTHING;
    END IF;
    IF b.open_until IS NOT NULL OR p_budget > 0 THEN  -- one at a time: one probe, and no call past the budget
        SELECT * INTO b FROM vendor_breaker v WHERE v.vendor = p_vendor AND v.key = p_key FOR UPDATE;
        v_now := clock_timestamp();
    END IF;

    reason := b.reason;
    error := b.last_error;
    IF greatest(b.open_until, b.probe_until) > v_now THEN
        -- The pause may be long; who waits for another's try looks again soon.
        verdict := 'open';
        wait_s := CASE WHEN b.open_until > v_now THEN extract(epoch FROM b.open_until - v_now)
                       ELSE least(5, extract(epoch FROM b.probe_until - v_now)) END;
    ELSIF b.hold_until > v_now THEN
        verdict := 'hold';
        wait_s := extract(epoch FROM b.hold_until - v_now);
    ELSIF p_budget > 0 AND p_budget <= (SELECT coalesce(sum(u.calls), 0) FROM vendor_usage u
                                         WHERE u.day = vendor_before_call.day) THEN
        verdict := 'budget';
        wait_s := extract(epoch FROM (day + 1)::timestamp AT TIME ZONE 'America/New_York' - v_now);
    ELSE
        verdict := 'go';
        IF b.open_until IS NOT NULL THEN
            UPDATE vendor_breaker v SET probe = v.probe + 1, probe_until = v_now + make_interval(secs => p_lease_s)
             WHERE v.vendor = p_vendor AND v.key = p_key RETURNING v.probe INTO probe;
        END IF;
        INSERT INTO vendor_usage AS u (day, endpoint, calls) VALUES (vendor_before_call.day, p_endpoint, 1)
            ON CONFLICT ON CONSTRAINT pk_vendor_usage DO UPDATE SET calls = u.calls + 1;
    END IF;
    RETURN NEXT;
END
$$;
