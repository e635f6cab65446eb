-- The counts of this call, in tables.

local HEAD, RECORD = 16, 32
local EMPTY = string.rep('\0', HEAD)

local FIXED, ELASTIC, MOVING, BUCKET = 1, 2, 3, 5

-- The number of counts that a client can have in one scope. More come about only if limits change by the request.
local MAX_COUNTS = --[[MAX_COUNTS_IN_SCOPE]]

-- The functions of `moving_window.lua` for counts in tables.
local log

-- Returns the lifetime in milliseconds of a key that is void from `expires` on: a second longer, so that no rounding
-- matters.
local function lifetime(at, expires)
  return math.max(math.ceil((expires - at) / 1000), 0) + 1000
end

-- The values of the keys of this call, by their place.
local entries = {}

local function entry_at(place)
  local entry = entries[place]
  if not entry then
    -- A value of another form or type is ignored.
    local value = redis.pcall('GET', KEYS[place])
    if not value or #value % RECORD ~= HEAD then
      value = EMPTY
    end
    local newest, kept = read('<dd', value)
    local at = now > newest and now or newest
    entry = {
      key = KEYS[place],
      value = value,
      size = #value,
      newest = newest,
      at = at,
      kept = kept,
      was_kept = kept,
      is_changed = false,
    }
    entries[place] = entry
  end
  return entry
end

-- Returns the position of the record of a count, or nothing if there is none.
local function record_in(value, name)
  local from = HEAD + 1
  while true do
    from = string.find(value, name, from, true)
    if not from or from % RECORD == HEAD + 1 then
      return from
    end
    from = from + 1
  end
end

-- More than any instant.
local LATER = 9007199254740992 -- 2^53

-- Returns the position for a new record: that of one that has ended, or else the end of the value. If there are too
-- many, it replaces the one that ends first, of those that are not spent if there are any.
local function place_for_new(value, at)
  local first, least
  for from = HEAD + 1, #value, RECORD do
    local rank, _, c = read('<ddd', value, from + 8)
    if rank >= at and c % 1 > 0 then
      rank = rank + LATER
    end
    if not least or rank < least then
      first, least = from, rank
    end
  end
  if least and (least < at or #value >= HEAD + MAX_COUNTS * RECORD) then
    return first
  end
  return #value + 1
end

-- Puts a record, or nothing, in the place of another.
local function replace(entry, from, record)
  entry.value = string.sub(entry.value, 1, from - 1) .. record .. string.sub(entry.value, from + RECORD)
  entry.is_changed = true
end

local function count_of(place, strategy, name, window, capacity, capacity_nanos)
  local count = {
    strategy = strategy,
    name = name,
    window = window,
    capacity = capacity,
    capacity_nanos = capacity_nanos,
    sum = false,
    sum_nanos = 0,
  }
  if strategy == MOVING then
    count.key = KEYS[place]
    log.load(count)
    return count
  end
  local entry = entry_at(place)
  local from = record_in(entry.value, name)
  count.entry, count.at, count.a, count.b, count.c = entry, entry.at, 0, 0, 0
  if from then
    count.a, count.b, count.c = read('<ddd', entry.value, from + 8)
  end
  if strategy == FIXED and capacity_nanos > 0 then
    -- The window ends by the calendar, at one of these instants. If the clock of the caller is right to half a window,
    -- the next of them is the one.
    local at, first, second = entry.at, window, capacity_nanos
    count.window = at < first and first - at or at < second and second - at or second - first
  end
  -- The report on an elastic window has this end, even if the window moves.
  count.stored_end, count.is_stored = count.a, from ~= nil
  return count
end

local function save(count)
  if count.strategy == MOVING then
    log.save(count)
    return
  end
  local entry = count.entry
  local from = record_in(entry.value, count.name) or place_for_new(entry.value, count.at)
  replace(entry, from, pack('<c8ddd', count.name, count.a, count.b, count.c))
end

-- Setting the expiry of a key costs more than leaving it, so it is set only if a count needs it.
local function write_entries()
  for _, entry in pairs(entries) do
    if entry.is_changed then
      local value = pack('<dd', entry.newest, entry.kept) .. string.sub(entry.value, HEAD + 1)
      if #value == HEAD then
        call('UNLINK', entry.key)
      elseif entry.kept > entry.was_kept then
        call('SET', entry.key, value, 'PX', lifetime(entry.at, entry.kept))
      elseif #value < entry.size then
        -- Nothing ends earlier now. A clear cannot compute the end: it knows the time of the server, and not that of
        -- the caller.
        local left = call('PTTL', entry.key)
        call('SET', entry.key, value, 'PX', left > 0 and left or lifetime(entry.at, entry.kept))
      else
        call('SETRANGE', entry.key, '0', value)
      end
    end
  end
end
