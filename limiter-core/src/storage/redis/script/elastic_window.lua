-- A fixed window whose end moves, stored as: start, end, used. What moved the end last was the newest.

local function used(count)
  if count.at < count.finish then
    return count.used
  end
  return 0
end

strategies.fe = {
  load = function(count)
    count.start, count.finish, count.used = read(count)
    count.at = math.max(now, count.finish - count.window)
  end,
  passes = function(count, cost)
    return cost[1] <= count.capacity[1] - used(count)
  end,
  take = function(count, cost)
    local before = used(count)
    if before == 0 then
      count.start = count.at
    end
    count.used, count.finish = before + cost[1], count.at + count.window
  end,
  refuse = function(count)
    count.finish = count.at + count.window
  end,
  words = function(count)
    return count.at, count.start, count.finish, count.used
  end,
  give_back = function(count, cost, stamp)
    if count.start ~= stamp then
      return false
    end
    count.used = math.max(count.used - cost[1], 0)
    return true
  end,
  save = function(count)
    write(count, count.finish, count.start, count.finish, count.used)
  end,
}
