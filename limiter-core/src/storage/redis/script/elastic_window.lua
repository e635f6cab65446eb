-- A fixed window whose end moves, stored as: start, end, used. What moved the end last was the newest.
-- The words tell the stored end: one that was moved is one window from now.

strategies[2] = {
  load = function(count)
    local start, finish, used = read(count)
    local at = finish - count.window
    at = now > at and now or at
    if at >= finish then
      used = 0
    end
    -- `newest` is the stored end.
    count.start, count.finish, count.newest, count.used, count.at = start, finish, finish, used, at
  end,
  passes = function(count, cost)
    return cost <= count.capacity - count.used
  end,
  take = function(count, cost)
    local used, at = count.used, count.at
    if used == 0 then
      count.start = at
    end
    count.used, count.finish, count.is_moved = used + cost, at + count.window, true
  end,
  refuse = function(count)
    count.finish, count.is_moved = count.at + count.window, true
  end,
  words = function(count)
    return count.at, count.start, count.newest, count.used
  end,
  give_back = function(count, cost, _, stamp, moved_to, moved_from)
    if count.start ~= stamp then
      return false
    end
    count.used = math.max(count.used - cost, 0)
    if count.finish == moved_to then
      count.finish = moved_from
    end
    return true
  end,
  save = function(count)
    write(count, count.finish, count.start, count.finish, count.used)
  end,
}
