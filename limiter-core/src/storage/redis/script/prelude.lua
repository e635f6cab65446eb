-- What all scripts share. Instants are whole microseconds since the epoch, so that they are exact in the
-- doubles of Lua (2^53 of them are the year 2255); where a token bucket needs nanoseconds, they stand in a
-- number of their own, 0 to 999. Costs and capacities are such pairs too: of time under a token bucket, else
-- of units and 0.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- By the two letters that stand for them in the names of counts. Each has
--   load(count)          reads what is stored; `count.at` is now, or the newest instant the count has seen
--   passes(count, cost)  whether there is room for the cost, a pair
--   take(count, cost)
--   refuse(count)        what a refusal changes; most have none
--   words(count, cost)   four numbers for the report of a look at the cost
--   give_back(count, cost, stamp, moved_to, moved_from)   returns whether anything changed
--   save(count)
local strategies = {}

local function plus(cost, other)
  local nanos = cost[2] + other[2]
  if nanos >= 1000 then
    return { cost[1] + other[1] + 1, nanos - 1000 }
  end
  return { cost[1] + other[1], nanos }
end

-- Never below zero.
local function minus(cost, other)
  local whole, nanos = cost[1] - other[1], cost[2] - other[2]
  if nanos < 0 then
    whole, nanos = whole - 1, nanos + 1000
  end
  if whole < 0 then
    return { 0, 0 }
  end
  return { whole, nanos }
end

local function at_most(cost, other)
  return cost[1] < other[1] or cost[1] == other[1] and cost[2] <= other[2]
end

-- Three numbers that are stored as three doubles, in which they are exact (as text they would take a fifth
-- longer); zeros when there are none.
local function read(count)
  local stored = redis.call('GET', count.key)
  if not stored or #stored ~= 24 then
    return 0, 0, 0
  end
  local a, b, c = struct.unpack('<ddd', stored)
  return a, b, c
end

-- How many milliseconds a key lives that means nothing from `expires` on: a second longer, so that no rounding
-- matters.
local function lifetime(count, expires)
  return math.ceil(math.max(expires - count.at, 0) / 1000) + 1000
end

local function write(count, expires, a, b, c)
  redis.call('SET', count.key, struct.pack('<ddd', a, b, c), 'PX', lifetime(count, expires))
end

-- The counts of this call, by the place of their key.
local counts = {}

-- The count and the cost of a hit whose arguments begin at `first`: the place of its key, the strategy, the
-- window, the capacity and the cost.
local function hit_at(first)
  local place, code, window, capacity, capacity_nanos, cost, cost_nanos = unpack(ARGV, first, first + 6)
  place = tonumber(place)
  local count = counts[place]
  if not count then
    local strategy = strategies[code]
    -- With room for what the strategy adds.
    count = {
      key = KEYS[place],
      strategy = strategy,
      window = tonumber(window),
      capacity = { tonumber(capacity), tonumber(capacity_nanos) },
      changed = false,
      at = 0,
      newest = 0,
      used = 0,
    }
    strategy.load(count)
    counts[place] = count
  end
  return count, { tonumber(cost), tonumber(cost_nanos) }
end

local function save_all()
  for _, count in pairs(counts) do
    if count.changed then
      count.strategy.save(count)
    end
  end
end
