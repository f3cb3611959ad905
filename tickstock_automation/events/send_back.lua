-- From what a consumer set aside to what it reads next, in one step. KEYS: set aside, sent back. ARGV: the entry.
-- It has no id there: it was handled in vain before. Returns 1, or 0 where there is no such entry.
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then
    return 0
end
local fields = {}
for i = 1, #found[1][2], 2 do
    fields[found[1][2][i]] = found[1][2][i + 1]
end
redis.call('XADD', KEYS[2], '*', 'event', fields.event, 'id', '', 'batch', '0', 'channel', fields.channel)
return redis.call('XDEL', KEYS[1], ARGV[1])
