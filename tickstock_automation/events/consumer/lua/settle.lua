-- Acknowledges handled events, and notes which one is in hand next, only for the sibling that holds the lease.
-- KEYS: lease, handled ids, position, attempts, then the stream of each event. ARGV: token, lease in ms, group, the id that
-- is in hand from now on ('' for none), then for each event entry id, event id, its key among the attempts. Returns {1, 0}, or {0, 0} for a lost lease.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {0, 0}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local now = redis.call('TIME')[1]
for at = 5, #KEYS do
    local entry, id, key = ARGV[3 * at - 10], ARGV[3 * at - 9], ARGV[3 * at - 8]
    redis.call('XACK', KEYS[at], ARGV[3], entry)
    redis.call('HDEL', KEYS[4], key)
    if id ~= '' then
        redis.call('ZADD', KEYS[2], now, id)
    end
end
redis.call('HSET', KEYS[3], 'hand', ARGV[4])
return {1, 0}
