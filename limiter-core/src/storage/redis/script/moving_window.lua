-- The hits of the last window, stored as a list: first `newest instant:sum of the costs`, then each instant,
-- oldest first, with its cost where that is not 1.

local AT_ONCE = 100

local function parse(hit)
  local at, cost = string.match(hit, '^(%d+) ?(%d*)$')
  return tonumber(at), tonumber(cost) or 1
end

local function format(at, cost)
  if cost == 1 then
    return string.format('%.0f', at)
  end
  return string.format('%.0f %.0f', at, cost)
end

-- Shows the hits from a place in the list on, until `visit` says that it has seen enough.
local function each(count, first, visit)
  repeat
    local hits = call('LRANGE', count.key, first, first + AT_ONCE - 1)
    for offset, hit in ipairs(hits) do
      if visit(first + offset - 1, parse(hit)) then
        return
      end
    end
    first = first + AT_ONCE
  until #hits < AT_ONCE
end

-- The place and the cost of the hit at an instant; they ascend.
local function find(count, instant)
  local low, high = count.gone + 1, call('LLEN', count.key) - 1
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local at, cost = parse(call('LINDEX', count.key, middle))
    if at == instant then
      return middle, cost
    elseif at < instant then
      low = middle + 1
    else
      high = middle - 1
    end
  end
end

-- The instant of the last of the hits that must leave until `missing` units are free.
local function frees(count, missing)
  local last = 0
  each(count, count.gone + 1, function(_, at, cost)
    missing, last = missing - cost, at
    return missing <= 0
  end)
  if missing > 0 and count.added > 0 then
    last = count.at
  end
  return last
end

log = {
  load = function(count)
    local head = call('LRANGE', count.key, 0, 1)
    local newest, used = string.match(head[1] or '', '^(%d+):(%d+)$')
    count.is_stored, count.newest, count.used = newest ~= nil, tonumber(newest) or 0, tonumber(used) or 0
    count.at = math.max(now, count.newest)
    count.gone, count.oldest, count.added = 0, 0, 0
    if not head[2] then
      return
    end
    local since = count.at - count.window
    local oldest = parse(head[2])
    if oldest > since then
      count.oldest = oldest
      return
    end
    each(count, 1, function(place, at, cost)
      if at > since then
        count.oldest = at
        return true
      end
      count.gone, count.used = place, count.used - cost
    end)
  end,
  passes = function(count, cost)
    return cost <= count.capacity - count.used
  end,
  take = function(count, cost)
    count.used, count.added = count.used + cost, count.added + cost
    if count.oldest == 0 then
      count.oldest = count.at
    end
  end,
  words = function(count, cost)
    local missing = cost - (count.capacity - count.used)
    if missing <= 0 or cost > count.capacity then
      return count.at, count.used, count.oldest, 0
    end
    return count.at, count.used, count.oldest, frees(count, missing)
  end,
  refund = function(count, cost, stamp)
    local place, left = find(count, stamp)
    if not place then
      return false
    end
    local returned = math.min(cost, left)
    count.used = count.used - returned
    if left > returned then
      call('LSET', count.key, place, format(stamp, left - returned))
    else
      call('LSET', count.key, place, '')
      call('LREM', count.key, -1, '')
    end
    return true
  end,
  save = function(count)
    local newest = count.newest
    if count.added > 0 then
      newest = count.at
    end
    local head = string.format('%.0f:%.0f', newest, count.used)
    if not count.is_stored then
      call('RPUSH', count.key, head)
    else
      -- The last of those that have left the window makes the place of the head.
      if count.gone > 0 then
        call('LTRIM', count.key, count.gone, -1)
      end
      call('LSET', count.key, 0, head)
    end
    if count.added > 0 then
      local at, cost = parse(call('LINDEX', count.key, -1))
      if at == count.at then
        call('LSET', count.key, -1, format(at, cost + count.added))
      else
        call('RPUSH', count.key, format(count.at, count.added))
      end
    end
    call('PEXPIRE', count.key, lifetime(count.at, newest + count.window))
  end,
}
