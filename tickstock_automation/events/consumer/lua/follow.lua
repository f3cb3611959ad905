-- Reads for a follower, which keeps no state in Redis: what is behind each given entry, of all streams at one moment.
-- KEYS: the streams. ARGV: entries a stream at most, then for each stream the last id seen ($: begin with what comes next), how
-- many entries were passed, and how many of a gap were told and accepted. Passed is unknown (-1) at the start, and below
-- that, as -2 - trimmed, until a read came to the end: then a gap is counted by what was trimmed meanwhile, at most.
-- Returns {1, streams} as fetch.lua does, each with two more members: how many were passed, and 1 where the stream was made
-- anew since it was read last.
local count = tonumber(ARGV[1])

local function before(a, b)
    local am, as = string.match(a, '(%d+)-(%d+)')
    local bm, bs = string.match(b, '(%d+)-(%d+)')
    am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)
    return am < bm or (am == bm and as < bs)
end

local answer = {}
for at = 1, #KEYS do
    local last, passed, accepted = ARGV[3 * at - 1], tonumber(ARGV[3 * at]), tonumber(ARGV[3 * at + 1])
    local about = {['entries-added'] = 0, ['length'] = 0, ['last-generated-id'] = '0-0'}
    local flat = redis.pcall('XINFO', 'STREAM', KEYS[at])
    if not flat.err then
        for i = 1, #flat, 2 do
            about[flat[i]] = flat[i + 1]
        end
    end
    local newest, added = about['last-generated-id'], about['entries-added']
    local trimmed, anew, missed = added - about['length'], 0, 0
    if last == '$' then
        last, passed = newest, added
    elseif passed > added then
        last, passed, anew = '0-0', trimmed, 1
    elseif passed > 0 and trimmed == 0 and about['first-entry'] and before(last, about['first-entry'][1]) then
        last, passed, anew = '0-0', 0, 1  -- nothing was trimmed, and what was passed is not there: made anew, and filled again
    elseif before(newest, last) then
        last, passed = newest, added  -- the moment lies ahead, or the stream came back older: what it holds was seen
    elseif passed >= 0 then
        missed = trimmed - passed - accepted
    elseif passed < -1 and about['first-entry'] and before(last, about['first-entry'][1]) then
        missed = trimmed - (-2 - passed) - accepted
    end
    local entries, more = {}, 0
    if missed > 0 then
        more = 1
    else
        missed = 0
        local found = about['length'] > 0 and redis.call('XRANGE', KEYS[at], '(' .. last, '+', 'COUNT', count) or {}
        for _, entry in ipairs(found) do
            local fields = {}
            for i = 1, #entry[2], 2 do
                fields[entry[2][i]] = entry[2][i + 1]
            end
            entries[#entries + 1] = {entry[1], fields.id or '', fields.batch or '0', fields.event or '', fields.channel or ''}
            last = entry[1]
        end
        if #found == count then
            more = 1
            passed = passed < 0 and -2 - trimmed or math.max(passed, trimmed) + #found
        else
            passed = added
        end
    end
    answer[#answer + 1] = {KEYS[at], more, last, newest, missed, 0, entries, passed, anew}
end
return {1, answer}
