-- One counter, stored as: newest instant, end, used.

local function used(count)
  if count.at < count.finish then
    return count.used
  end
  return 0
end

strategies.fw = {
  load = function(count)
    count.newest, count.finish, count.used = read(count)
    count.at = math.max(now, count.newest)
  end,
  passes = function(count, cost)
    return cost[1] <= count.capacity[1] - used(count)
  end,
  take = function(count, cost)
    local before = used(count)
    if before == 0 then
      count.finish = count.at + count.window
    end
    count.used, count.newest = before + cost[1], count.at
  end,
  words = function(count)
    return count.at, count.finish, count.used, 0
  end,
  give_back = function(count, cost, stamp)
    if count.finish ~= stamp then
      return false
    end
    count.used = math.max(count.used - cost[1], 0)
    return true
  end,
  save = function(count)
    write(count, count.finish, count.newest, count.finish, count.used)
  end,
}
