-- Sends one batch, if Redis holds exactly the number the relay believes it holds.
-- KEYS[1]: the batch number. ARGV: believed number, this batch's number, stream length limit, then for each event
-- channel, id, message, "1" where it also goes live.
-- Returns {1, number, {}}; or, nothing done, {0, the number held}, or {1, the number held, {positions, from 0, of events whose
-- stream's key holds something else}}. Other trouble (out of memory, read only) comes at the first write, and is an error.
local held = redis.call('GET', KEYS[1]) or '0'
if held ~= ARGV[1] then
    return {0, held}
end
local kinds, refused = {}, {}
for i = 4, #ARGV, 4 do
    local stream = 'stream:' .. ARGV[i]
    kinds[stream] = kinds[stream] or redis.call('TYPE', stream)['ok']
    if kinds[stream] ~= 'stream' and kinds[stream] ~= 'none' then
        refused[#refused + 1] = (i - 4) / 4
    end
end
if #refused > 0 then
    return {1, held, refused}
end
for i = 4, #ARGV, 4 do
    redis.call('XADD', 'stream:' .. ARGV[i], 'MAXLEN', '~', ARGV[3], '*',
        'event', ARGV[i + 2], 'id', ARGV[i + 1], 'batch', ARGV[2])
    if ARGV[i + 3] == '1' then
        redis.call('PUBLISH', ARGV[i], ARGV[i + 2])
    end
end
redis.call('SET', KEYS[1], ARGV[2])
return {1, ARGV[2], refused}
