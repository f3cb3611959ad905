-- Sets an event aside with its reason: into the consumer's own list, acknowledged, not handed out again by itself.
-- KEYS: lease, handled ids, attempts, set aside, stream. ARGV: token, lease in ms, group, entry id, event id ('' for none), its
-- key among the attempts, message, channel, reason, attempts. Returns {1, 0}, or {0, 0} for a lost lease.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {0, 0}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[4], '*', 'event', ARGV[7], 'id', ARGV[5], 'channel', ARGV[8], 'reason', ARGV[9], 'attempts', ARGV[10])
redis.call('XACK', KEYS[5], ARGV[3], ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[6])
if ARGV[5] ~= '' then
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[5])
end
return {1, 0}
