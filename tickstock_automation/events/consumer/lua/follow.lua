-- Reads for a follower, which keeps no state in Redis: what is behind each given entry, of all streams at one moment.
-- KEYS: the streams. ARGV: entries a stream at most, 1 to accept gaps, then for each stream the last id seen ($ for: begin
-- with what comes next) and how many entries were passed (-1 where that is not known).
-- Returns {1, streams} as fetch.lua does, each with one more member: how many entries were passed.
local count, accept = tonumber(ARGV[1]), ARGV[2]

local function before(a, b)
    local am, as = string.match(a, '(%d+)-(%d+)')
    local bm, bs = string.match(b, '(%d+)-(%d+)')
    am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)
    return am < bm or (am == bm and as < bs)
end

local answer = {}
for at = 1, #KEYS do
    local last, passed = ARGV[2 * at + 1], tonumber(ARGV[2 * at + 2])
    local about = {['entries-added'] = 0, ['length'] = 0, ['last-generated-id'] = '0-0'}
    local flat = redis.pcall('XINFO', 'STREAM', KEYS[at])
    if not flat.err then
        for i = 1, #flat, 2 do
            about[flat[i]] = flat[i + 1]
        end
    end
    local newest, trimmed = about['last-generated-id'], about['entries-added'] - about['length']
    if last == '$' then
        last, passed = newest, about['entries-added']
    elseif before(newest, last) or passed > about['entries-added'] then
        last, passed = '0-0', trimmed  -- the stream was made anew, or came back older
    elseif passed < 0 then
        passed = last == '0-0' and trimmed
            or about['entries-added'] - #redis.call('XRANGE', KEYS[at], '(' .. last, '+')
    end
    local entries, missed, more = {}, 0, 0
    if trimmed > passed and accept ~= '1' then
        missed = trimmed - passed
    elseif about['length'] > 0 then
        local found = redis.call('XRANGE', KEYS[at], '(' .. last, '+', 'COUNT', count)
        for _, entry in ipairs(found) do
            local fields = {}
            for i = 1, #entry[2], 2 do
                fields[entry[2][i]] = entry[2][i + 1]
            end
            entries[#entries + 1] = {entry[1], fields.id or '', fields.batch or '0', fields.event or '', fields.channel or ''}
            last = entry[1]
        end
        passed = math.max(passed, trimmed) + #found
        if #found == count then
            more = 1
        end
    end
    answer[#answer + 1] = {KEYS[at], more, last, newest, missed, {}, entries, passed}
end
return {1, answer}
