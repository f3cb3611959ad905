-- How a call ended, and what follows for all workers. p_outcome: answered; not_in_plan; failed; limited; refused; unusable; not_made
-- (it is counted no more). p_pause_s: how long to stay away after a failure or a refusal if that opens the breaker, first and
-- longest; p_hold_s: what a 429 asked for. change: opened, refused, closed, or null; seconds: the pause, or how long it was open.
CREATE OR REPLACE FUNCTION vendor_after_call(
    p_vendor text, p_key text, p_endpoint text, p_day date, p_probe bigint, p_outcome text, p_bytes bigint, p_seconds double precision,
    p_error text, p_hold_s double precision, p_most_failures bigint, p_pause_s double precision, p_longest_pause_s double precision
) RETURNS TABLE (change text, seconds double precision)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    b vendor_breaker;
    v_now timestamptz := clock_timestamp();
    v_good boolean := p_outcome IN ('answered', 'not_in_plan');
    v_mine boolean;  -- whether this call's outcome says how the vendor is: not that of one made before it opened
BEGIN
    UPDATE vendor_usage u
       SET calls = u.calls - (p_outcome = 'not_made')::int,
           answered = u.answered + (p_outcome = 'answered')::int,
           failed = u.failed + (p_outcome = 'failed')::int,
           limited = u.limited + (p_outcome = 'limited')::int,
           refused = u.refused + (p_outcome IN ('refused', 'not_in_plan'))::int,
           unusable = u.unusable + (p_outcome = 'unusable')::int,
           bytes = u.bytes + p_bytes, seconds = u.seconds + p_seconds
     WHERE u.day = p_day AND u.endpoint = p_endpoint;

    IF v_good AND EXISTS (SELECT 1 FROM vendor_breaker v WHERE v.vendor = p_vendor AND v.key = p_key
                             AND v.failures = 0 AND v.open_until IS NULL) THEN
        RETURN NEXT;  -- all is well: nothing to write, nobody to wait for
        RETURN;
    END IF;
    SELECT * INTO b FROM vendor_breaker v WHERE v.vendor = p_vendor AND v.key = p_key FOR UPDATE;
    v_mine := b.open_until IS NULL OR coalesce(b.probe = p_probe, false);

    IF p_outcome = 'refused' AND (v_mine OR b.reason <> 'refused') THEN
        change := 'refused';
        seconds := p_pause_s;
        b.openings := b.openings + 1;
    ELSIF p_outcome = 'failed' AND v_mine THEN
        b.failures := b.failures + 1;
        IF b.open_until IS NOT NULL OR b.failures >= p_most_failures THEN
            change := CASE WHEN b.reason IS DISTINCT FROM 'down' THEN 'opened' END;
            -- doubled with each pause, and spread by a quarter either way, so that many hosts do not come at once
            seconds := least(p_longest_pause_s, p_pause_s * power(2, least(b.openings, 30))) * (0.75 + random() / 2);
            b.openings := b.openings + 1;
        END IF;
    ELSIF v_good AND v_mine THEN
        IF b.open_until IS NOT NULL THEN
            change := 'closed';
            seconds := extract(epoch FROM v_now - b.opened_at);
        END IF;
        b.failures := 0;
        b.openings := 0;
        b.reason := NULL;
        b.opened_at := NULL;
        b.open_until := NULL;
    END IF;

    IF change IS DISTINCT FROM 'closed' AND seconds IS NOT NULL THEN
        b.reason := CASE p_outcome WHEN 'refused' THEN 'refused' ELSE 'down' END;
        b.opened_at := coalesce(b.opened_at, v_now);
        b.open_until := v_now + make_interval(secs => seconds);
    END IF;
    IF b.probe = p_probe THEN
        b.probe_until := NULL;
    END IF;
    IF p_hold_s IS NOT NULL THEN
        b.hold_until := greatest(b.hold_until, v_now + make_interval(secs => p_hold_s));
    END IF;
    IF p_error IS NOT NULL AND (v_mine OR change IS NOT NULL) THEN
        b.last_error := p_error;
        b.last_error_at := v_now;
    END IF;
    UPDATE vendor_breaker v
       SET failures = b.failures, openings = b.openings, reason = b.reason, opened_at = b.opened_at, open_until = b.open_until,
           probe_until = b.probe_until, hold_until = b.hold_until, last_error = b.last_error, last_error_at = b.last_error_at
     WHERE v.vendor = p_vendor AND v.key = p_key;
    RETURN NEXT;
END
$$;
