-- What all scripts share. Instants are whole microseconds since the epoch, so that they are exact in the
-- doubles of Lua (2^53 of them are the year 2255); where a token bucket needs nanoseconds, they stand in a
-- number of their own, 0 to 999. Costs and capacities are two numbers too: of time under a token bucket, else
-- of units and 0.
--
-- The numbers of a call come as doubles in one argument, and a table is made with all the fields it will have:
-- both save more time than the arithmetic takes.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- By their numbers. Each has
--   load(count)          reads what is stored; `count.at` is now, or the newest instant the count has seen
--   passes(count, cost, nanos)   whether there is room for the cost
--   take(count, cost, nanos)
--   refuse(count)        what a refusal changes; most have none
--   words(count, cost)   four numbers for the report of a look at the cost
--   give_back(count, cost, nanos, stamp, moved_to, moved_from)   returns whether anything changed
--   save(count)
local strategies = {}

local function plus(whole, nanos, other, other_nanos)
  nanos = nanos + other_nanos
  if nanos >= 1000 then
    return whole + other + 1, nanos - 1000
  end
  return whole + other, nanos
end

-- Never below zero.
local function minus(whole, nanos, other, other_nanos)
  whole, nanos = whole - other, nanos - other_nanos
  if nanos < 0 then
    whole, nanos = whole - 1, nanos + 1000
  end
  if whole < 0 then
    return 0, 0
  end
  return whole, nanos
end

local function at_most(whole, nanos, other, other_nanos)
  return whole < other or whole == other and nanos <= other_nanos
end

-- What is stored under the keys of this call; nothing for those that hold a list.
local stored

-- Three numbers that are stored as three doubles, in which they are exact (as text they would take a fifth
-- longer); zeros when there are none.
local function read(count)
  stored = stored or redis.call('MGET', unpack(KEYS))
  local value = stored[count.place]
  if not value or #value ~= 24 then
    return 0, 0, 0
  end
  local a, b, c = struct.unpack('<ddd', value)
  return a, b, c
end

-- How many milliseconds a key lives that means nothing from `expires` on: a second longer, so that no rounding
-- matters.
local function lifetime(count, expires)
  local left = expires - count.at
  if left <= 0 then
    return 1000
  end
  return math.ceil(left / 1000) + 1000
end

local function write(count, expires, a, b, c)
  redis.call('SET', count.key, struct.pack('<ddd', a, b, c), 'PX', lifetime(count, expires))
end

-- The counts of this call, by the place of their key.
local counts = {}

local function count_at(place, number, window, capacity, capacity_nanos)
  local count = counts[place]
  if not count then
    local strategy = strategies[number]
    count = {
      place = place,
      key = KEYS[place],
      strategy = strategy,
      window = window,
      capacity = capacity,
      capacity_nanos = capacity_nanos,
      changed = false,
      -- What the strategies add.
      at = 0,
      newest = 0,
      start = 0,
      finish = 0,
      used = 0,
      nanos = 0,
      sum = false,
      sum_nanos = 0,
    }
    strategy.load(count)
    counts[place] = count
  end
  return count
end

local function save_all()
  for _, count in pairs(counts) do
    if count.changed then
      count.strategy.save(count)
    end
  end
end
