-- Two counters over windows aligned to the epoch, stored as: newest instant, previous, current.

local HALF = 67108864 -- 2^26

-- The product of two numbers below 2^52 as three digits to the base 2^26, exactly.
local function product(a, b)
  local a_low, b_low = a % HALF, b % HALF
  local a_high, b_high = (a - a_low) / HALF, (b - b_low) / HALF
  local low = a_low * b_low
  local middle = a_high * b_low + a_low * b_high + math.floor(low / HALF)
  return a_high * b_high + math.floor(middle / HALF), middle % HALF, low % HALF
end

local function is_less(a, b, c, d)
  local high, middle, low = product(a, b)
  local other_high, other_middle, other_low = product(c, d)
  if high ~= other_high then
    return high < other_high
  end
  if middle ~= other_middle then
    return middle < other_middle
  end
  return low < other_low
end

strategies.sw = {
  load = function(count)
    count.newest, count.previous, count.current = read(count)
    count.at = math.max(now, count.newest)
    count.start = count.at - math.fmod(count.at, count.window)
    local stored = count.newest - math.fmod(count.newest, count.window)
    if stored == count.start - count.window then
      count.previous, count.current = count.current, 0
    elseif stored ~= count.start then
      count.previous, count.current = 0, 0
    end
  end,
  passes = function(count, cost)
    if cost[1] == 0 then
      return true
    end
    -- floor(previous * left / window) <= room, without the division.
    local room = count.capacity[1] - count.current - cost[1]
    local left = count.start + count.window - count.at
    return room >= 0 and is_less(count.previous, left, room + 1, count.window)
  end,
  take = function(count, cost)
    count.current, count.newest = count.current + cost[1], count.at
  end,
  words = function(count)
    return count.at, count.start, count.previous, count.current
  end,
  give_back = function(count, cost, stamp)
    if count.start == stamp then
      count.current = math.max(count.current - cost[1], 0)
    elseif count.start == stamp + count.window then
      count.previous = math.max(count.previous - cost[1], 0)
    else
      return false
    end
    -- The counters are those of the window that has begun.
    count.newest = math.max(count.newest, count.start)
    return true
  end,
  save = function(count)
    write(count, count.start + 2 * count.window, count.newest, count.previous, count.current)
  end,
}
