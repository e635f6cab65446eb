-- One counter, stored as: newest instant, end, used.

strategies[1] = {
  load = function(count)
    local newest, finish, used = read(count)
    local at = now > newest and now or newest
    if at >= finish then
      used = 0
    end
    count.newest, count.finish, count.used, count.at = newest, finish, used, at
  end,
  passes = function(count, cost)
    return cost <= count.capacity - count.used
  end,
  take = function(count, cost)
    local used, at = count.used, count.at
    if used == 0 then
      count.finish = at + count.window
    end
    count.used, count.newest = used + cost, at
  end,
  words = function(count)
    return count.at, count.finish, count.used, 0
  end,
  give_back = function(count, cost, _, stamp)
    if count.finish ~= stamp then
      return false
    end
    count.used = math.max(count.used - cost, 0)
    return true
  end,
  save = function(count)
    write(count, count.finish, count.newest, count.finish, count.used)
  end,
}
