-- Sends one batch, if Redis holds exactly the number the relay believes it holds.
-- KEYS[1]: the batch number. ARGV: believed number, this batch's number, stream length limit, then for each event
-- channel, message, "1" where it also goes live. Returns {1, number} or, refused, {0, the number held}.
local held = redis.call('GET', KEYS[1]) or '0'
if held ~= ARGV[1] then
    return {0, held}
end
for i = 4, #ARGV, 3 do
    redis.call('XADD', 'stream:' .. ARGV[i], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[i + 1])
    if ARGV[i + 2] == '1' then
        redis.call('PUBLISH', ARGV[i], ARGV[i + 1])
    end
end
redis.call('SET', KEYS[1], ARGV[2])
return {1, ARGV[2]}
