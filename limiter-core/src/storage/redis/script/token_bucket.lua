-- The instant at which the bucket is full, stored as: newest instant, microseconds, nanoseconds.

strategies.tb = {
  load = function(count)
    local newest, micros, nanos = read(count)
    count.newest, count.full_at = newest, { micros, nanos }
    count.at = math.max(now, newest)
  end,
  passes = function(count, cost)
    if cost[1] == 0 and cost[2] == 0 then
      return true
    end
    local missing = minus(count.full_at, { count.at, 0 })
    return at_most(plus(missing, cost), count.capacity)
  end,
  take = function(count, cost)
    local from = count.full_at
    if from[1] < count.at then
      from = { count.at, 0 }
    end
    count.full_at, count.newest = plus(from, cost), count.at
  end,
  words = function(count)
    return count.at, count.full_at[1], count.full_at[2], 0
  end,
  -- What the time since the hit has not already refilled: more would let it gain the same units twice.
  give_back = function(count, cost, stamp)
    if count.full_at[1] < count.at then
      return false
    end
    local refilled = { math.max(count.at - stamp, 0), 0 }
    count.full_at = minus(count.full_at, minus(cost, refilled))
    return true
  end,
  save = function(count)
    write(count, count.full_at[1] + 1, count.newest, count.full_at[1], count.full_at[2])
  end,
}
