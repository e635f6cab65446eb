-- A fixed window whose end moves, stored as: start, end, used. What moved the end last was the newest.
-- The words tell the stored end: one that was moved is one window from now.

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
    count.stored, count.is_moved = count.finish, false
  end,
  passes = function(count, cost)
    return cost[1] <= count.capacity[1] - used(count)
  end,
  take = function(count, cost)
    local before = used(count)
    if before == 0 then
      count.start = count.at
    end
    count.used, count.finish, count.is_moved = before + cost[1], count.at + count.window, true
  end,
  refuse = function(count)
    count.finish, count.is_moved = count.at + count.window, true
  end,
  words = function(count)
    return count.at, count.start, count.stored, count.used
  end,
  give_back = function(count, cost, stamp, moved_to, moved_from)
    if count.start ~= stamp then
      return false
    end
    count.used = math.max(count.used - cost[1], 0)
    if count.finish == moved_to then
      count.finish = moved_from
    end
    return true
  end,
  save = function(count)
    write(count, count.finish, count.start, count.finish, count.used)
  end,
}
