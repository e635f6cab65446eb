-- Of which hits the arguments tell: first how many guards and limits there are, then of each guard, limit and hit on
-- refusal its name, window, capacity, cost, the place of its key, its strategy, and for a decision the place of the
-- first hit of the same count, whether it is in shadow, and the place of the limit it waits for or 0. Where windows end by
-- the calendar, two ends stand in place of the window and of the second number of the capacity, which else is 0.

local guards, limits = read('<dd', hits)
local all = (#hits - 16) / 88

local function told(number)
  return read('<c8dddddddddd', hits, number * 88 - 71)
end
