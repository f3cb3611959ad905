-- Who of the siblings is active. KEYS: lease. ARGV: token, lease in ms, take / renew / give.
-- Returns 1 where the token holds the lease now, else 0. A lease that ran out is not renewed: somebody may have held it since.
local held = redis.call('GET', KEYS[1])
if ARGV[3] == 'give' then
    if held == ARGV[1] then
        redis.call('DEL', KEYS[1])
    end
    return 0
end
if held == ARGV[1] or (not held and ARGV[3] == 'take') then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1
end
return 0
