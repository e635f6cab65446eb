-- The instant at which the bucket is full, stored as: newest instant, microseconds, nanoseconds. In the count it
-- is `finish` and `nanos`.

strategies[5] = {
  load = function(count)
    local newest, micros, nanos = read(count)
    count.newest, count.finish, count.nanos = newest, micros, nanos
    count.at = now > newest and now or newest
  end,
  passes = function(count, cost, nanos)
    if cost == 0 and nanos == 0 then
      return true
    end
    local missing, missing_nanos = minus(count.finish, count.nanos, count.at, 0)
    missing, missing_nanos = plus(missing, missing_nanos, cost, nanos)
    return at_most(missing, missing_nanos, count.capacity, count.capacity_nanos)
  end,
  take = function(count, cost, nanos)
    local from, from_nanos = count.finish, count.nanos
    if from < count.at then
      from, from_nanos = count.at, 0
    end
    count.finish, count.nanos = plus(from, from_nanos, cost, nanos)
    count.newest = count.at
  end,
  words = function(count)
    return count.at, count.finish, count.nanos, 0
  end,
  -- What the time since the hit has not already refilled: more would let it gain the same units twice.
  give_back = function(count, cost, nanos, stamp)
    if count.finish < count.at then
      return false
    end
    local credit, credit_nanos = minus(cost, nanos, math.max(count.at - stamp, 0), 0)
    count.finish, count.nanos = minus(count.finish, count.nanos, credit, credit_nanos)
    return true
  end,
  save = function(count)
    write(count, count.finish + 1, count.newest, count.finish, count.nanos)
  end,
}
