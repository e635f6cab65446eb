-- Two counters over windows aligned to the epoch, stored as: newest instant, previous, current. In the count
-- `used` is the current one and `finish` the previous one.

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
  -- Both fit into a double in most cases.
  local one, other = a * b, c * d
  if one < 9007199254740992 and other < 9007199254740992 then
    return one < other
  end
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

strategies[4] = {
  load = function(count)
    local newest, previous, current = read(count)
    local window, at = count.window, now > newest and now or newest
    local start = at - math.fmod(at, window)
    local begun = newest - math.fmod(newest, window)
    if begun == start - window then
      previous, current = current, 0
    elseif begun ~= start then
      previous, current = 0, 0
    end
    count.newest, count.at, count.start, count.used, count.finish = newest, at, start, current, previous
  end,
  passes = function(count, cost)
    if cost == 0 then
      return true
    end
    -- floor(previous * left / window) <= room, without the division.
    local room = count.capacity - count.used - cost
    local left = count.start + count.window - count.at
    return room >= 0 and is_less(count.finish, left, room + 1, count.window)
  end,
  take = function(count, cost)
    count.used, count.newest = count.used + cost, count.at
  end,
  words = function(count)
    return count.at, count.start, count.finish, count.used
  end,
  give_back = function(count, cost, _, stamp)
    if count.start == stamp then
      count.used = math.max(count.used - cost, 0)
    elseif count.start == stamp + count.window then
      count.finish = math.max(count.finish - cost, 0)
    else
      return false
    end
    -- The counters are those of the window that has begun.
    count.newest = math.max(count.newest, count.start)
    return true
  end,
  save = function(count)
    write(count, count.start + 2 * count.window, count.newest, count.finish, count.used)
  end,
}
