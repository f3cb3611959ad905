-- Reads for a durable consumer: what was delivered and not acknowledged first, then what is new. Atomic, and only for
-- the sibling that holds the lease. What was handled before is acknowledged here and not handed out.
-- KEYS: lease, handled ids, position, then the streams.
-- ARGV: token, lease in ms, group, entries a stream at most, where a new group starts (0 or $), then for each stream where
-- to read (> or the id behind which its pending entries are read) and how many missed and lost ones were told and accepted.
-- Returns {1 or 0 for a lost lease, {stream, ...}}; each stream {name, more (1/0), next cursor, last id, missed, lost,
-- {{entry id, event id, batch, message, channel where it is named}, ...}}; `missed` were trimmed before they were read, `lost`
-- before they were handled. A stream with a gap that was not accepted gives nothing else, and its state stays as it is.
local lease = redis.call('GET', KEYS[1])
if lease ~= ARGV[1] then
    return {0, {}}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])

local group, count, start = ARGV[3], tonumber(ARGV[4]), ARGV[5]

local function facts(stream)
    local found = {}
    local flat = redis.call('XINFO', 'STREAM', stream)
    for i = 1, #flat, 2 do
        found[flat[i]] = flat[i + 1]
    end
    return found
end

local function read(stream, cursor, wanted)
    local reply = redis.call('XREADGROUP', 'GROUP', group, 'active', 'COUNT', wanted, 'STREAMS', stream, cursor)
    return reply and reply[1][2] or {}
end

local function joins(stream)
    local groups = redis.pcall('XINFO', 'GROUPS', stream)
    if groups.err then
        return false
    end
    for _, flat in ipairs(groups) do
        if flat[2] == group then
            return true
        end
    end
    return false
end

local answer = {}
for at = 4, #KEYS do
    local stream, cursor, accepted = KEYS[at], ARGV[2 * at - 2], tonumber(ARGV[2 * at - 1])
    if not joins(stream) then
        redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
        local made = facts(stream)
        local behind = start == '$' and made['entries-added'] or made['entries-added'] - made['length']
        redis.call('HSET', KEYS[3], stream, behind)
        cursor = '>'
    end
    local entries, lost, missed, more, begin = {}, 0, 0, 0, cursor
    local function count_lost(found)
        local none = 0
        for _, entry in ipairs(found) do
            if not entry[2] then
                none = none + 1
            end
        end
        return none
    end
    local function take(found)
        for _, entry in ipairs(found) do
            if not entry[2] then
                redis.call('XACK', stream, group, entry[1])
            else
                local fields = {}
                for i = 1, #entry[2], 2 do
                    fields[entry[2][i]] = entry[2][i + 1]
                end
                local id = fields.id or ''
                if id ~= '' and redis.call('ZSCORE', KEYS[2], id) then
                    redis.call('XACK', stream, group, entry[1])
                else
                    entries[#entries + 1] = {entry[1], id, fields.batch or '0', fields.event or '', fields.channel or ''}
                end
            end
        end
    end
    local left = count
    if cursor ~= '>' then
        local found = read(stream, cursor, left)
        local none = count_lost(found)
        if none > accepted then
            lost, more, left = none - accepted, 1, -1
        else
            take(found)
            accepted = accepted - none
            left = left - #found
        end
        if left < 0 then
            cursor = begin
        elseif left > 0 then
            cursor = '>'
        else
            cursor, more = found[#found][1], 1
        end
    end
    local about = facts(stream)
    if cursor == '>' and left > 0 then
        local trimmed = about['entries-added'] - about['length']
        local position = tonumber(redis.call('HGET', KEYS[3], stream) or trimmed)
        if trimmed > position + accepted then
            missed, more = trimmed - position - accepted, 1
        else
            local found = read(stream, '>', left)
            take(found)
            redis.call('HSET', KEYS[3], stream, math.max(position, trimmed) + #found)
            if #found == left then
                more = 1
            end
        end
    end
    answer[#answer + 1] = {stream, more, cursor, about['last-generated-id'], missed, lost, entries}
end
return {1, answer}
