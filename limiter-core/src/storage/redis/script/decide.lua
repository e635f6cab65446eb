-- Decides a batch. Arguments: the time in microseconds, or nothing for the time of the server; how many guards
-- and how many limits there are, and for each guard, limit and hit on refusal nine doubles: the place of its key,
-- its strategy, window, capacity and cost, whether it is in shadow, and the place of the limit it waits for or 0.
-- Returns 0 (admitted), 1 (refused) or 2 (guarded), and for each guard and limit 1 if it was taken, plus 2 if the
-- end of its window is not the stored one but one window from now, and the words of its strategy.

local ADMITTED, REFUSED, GUARDED = 0, 1, 2
local FIRST, SIZE = 17, 72

local hits = ARGV[2]
local guards, limits = struct.unpack('<dd', hits)
local reply = { ADMITTED }

local function hit_at(number)
  local place, strategy, window, capacity, capacity_nanos, cost, nanos, shadow, only_after =
    struct.unpack('<ddddddddd', hits, FIRST + (number - 1) * SIZE)
  return count_at(place, strategy, window, capacity, capacity_nanos), cost, nanos, shadow == 1, only_after
end

local function report(number, count, cost, taken)
  local at, a, b, c = count.strategy.words(count, cost)
  reply[number + 1] = { count.is_moved and taken + 2 or taken, at, a, b, c }
end

-- Looks at some hits, each with what earlier ones of the same count will have taken. Returns them, and whether
-- none refuses.
local function test(first, last)
  local tested, pass = {}, true
  for number = first, last do
    local count, cost, nanos, shadow = hit_at(number)
    local sum, sum_nanos = cost, nanos
    if count.sum then
      sum, sum_nanos = plus(count.sum, count.sum_nanos, cost, nanos)
    end
    local passes = count.strategy.passes(count, sum, sum_nanos)
    -- What refuses in shadow takes nothing.
    if passes or not shadow then
      count.sum, count.sum_nanos = sum, sum_nanos
    end
    pass = pass and (passes or shadow)
    tested[number - first + 1] = {
      number = number,
      count = count,
      cost = cost,
      nanos = nanos,
      sum = sum,
      sum_nanos = sum_nanos,
      passes = passes,
      shadow = shadow,
    }
  end
  return tested, pass
end

-- The limits are looked at without what the guards would have taken, which take nothing.
local function forget_sums()
  for _, count in pairs(counts) do
    count.sum = false
  end
end

local function report_looks(tested)
  for _, hit in ipairs(tested) do
    report(hit.number, hit.count, hit.sum, 0)
  end
end

-- Nothing and too much take nothing and move nothing.
local function can_matter(count, cost, nanos)
  return (cost > 0 or nanos > 0) and at_most(cost, nanos, count.capacity, count.capacity_nanos)
end

local function take(count, cost, nanos)
  count.strategy.take(count, cost, nanos)
  count.changed = true
end

local function refuse(count)
  if count.strategy.refuse then
    count.strategy.refuse(count)
    count.changed = true
  end
end

-- What passed with all that earlier hits take passes now that they have taken it.
local function consume(tested)
  for _, hit in ipairs(tested) do
    local count, cost, nanos = hit.count, hit.cost, hit.nanos
    if not can_matter(count, cost, nanos) then
      report(hit.number, count, cost, 0)
    elseif hit.passes then
      take(count, cost, nanos)
      report(hit.number, count, 0, 1)
    else
      refuse(count)
      report(hit.number, count, cost, 0)
    end
  end
end

local function consume_on_refusal(limits_tested)
  for number = guards + limits + 1, (#hits - FIRST + 1) / SIZE do
    local count, cost, nanos, _, only_after = hit_at(number)
    local after = limits_tested[only_after]
    if only_after ~= 0 and not (after and not after.passes and not after.shadow) then
      -- It waits for another limit.
    elseif not can_matter(count, cost, nanos) then
      -- It is a look.
    elseif count.strategy.passes(count, cost, nanos) then
      take(count, cost, nanos)
    else
      refuse(count)
    end
  end
end

local guards_tested, unguarded = test(1, guards)
if guards > 0 then
  forget_sums()
end
local limits_tested, admitted = test(guards + 1, guards + limits)
report_looks(guards_tested)

if not unguarded then
  reply[1] = GUARDED
  report_looks(limits_tested)
elseif admitted then
  consume(limits_tested)
else
  reply[1] = REFUSED
  report_looks(limits_tested)
  for _, hit in ipairs(limits_tested) do
    if not hit.passes and not hit.shadow and can_matter(hit.count, hit.sum, hit.sum_nanos) then
      refuse(hit.count)
      report(hit.number, hit.count, hit.sum, 0)
    end
  end
  consume_on_refusal(limits_tested)
end

save_all()
return reply
