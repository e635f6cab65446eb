-- The hits in the arguments. First come the numbers of guards and limits. Then each guard, limit and hit on refusal has
-- its name, window, capacity, cost, the place of its key, and its strategy. For a decision there are also the place of the
-- first hit of the same count, a flag for shadow, and the place of the limit that it follows, or 0. If windows end by the
-- calendar, two ends replace the window and the second number of the capacity, which is 0 otherwise.

local guards, limits = read('<dd', hits)
local all = (#hits - 16) / 88

local function arguments_of(number)
  return read('<c8dddddddddd', hits, number * 88 - 71)
end
