-- Decides a batch. Returns `0` (admitted), `1` (refused) or `2` (guarded), and for each guard and limit a digit, 1 if
-- it was taken, plus 2 if the end of its window is not the stored one but one window from now; and four doubles: the
-- time of the decision, and its record.

local ADMITTED, REFUSED, GUARDED = 0, 1, 2

-- Hits of one count share it, each with a capacity of its own: a count may be that of several amounts.
local counts = {}

-- The count of a hit that was looked at, with the capacity of that hit.
local function count_for(hit)
  local count = hit.count
  count.capacity, count.capacity_nanos = hit.capacity, hit.capacity_nanos
  return count
end

local function hit_at(number)
  local name, window, capacity, capacity_nanos, cost, nanos, place, strategy, same, shadow, only_after =
    arguments_of(number)
  local count = counts[same]
  if not count then
    count = count_of(place, strategy, name, window, capacity, capacity_nanos)
    counts[same] = count
  end
  count.capacity, count.capacity_nanos = capacity, capacity_nanos
  return count, cost, nanos, shadow == 1, only_after, shadow == 2
end

local function look(count, cost, nanos)
  local strategy = count.strategy
  if strategy == MOVING then
    return log.passes(count, cost)
  end
  local at, window, capacity, capacity_nanos = count.at, count.window, count.capacity, count.capacity_nanos
  local a, b, c, passes = count.a, count.b, count.c
  --[[look]]
  count.a, count.b, count.c = a, b, c
  return passes
end

-- A cost of 0 or beyond the capacity takes and moves nothing.
local function can_matter(count, cost, nanos)
  return (cost > 0 or nanos > 0)
    and (cost < count.capacity or cost == count.capacity and nanos <= count.capacity_nanos)
end

-- Returns the part that a charge takes: as much as fits into the capacity, which is larger than that of other hits.
local function fitting(count, cost, nanos)
  local strategy, left, left_nanos = count.strategy, count.capacity, 0
  if strategy == MOVING then
    left = left - count.used
  elseif strategy == FIXED then
    left = left - count.b
  elseif strategy == BUCKET then
    left, left_nanos = left - (count.a - count.at), count.capacity_nanos - count.b
    if left_nanos < 0 then
      left, left_nanos = left - 1, left_nanos + 1000
    end
  else
    left = left - math.floor(count.c)
  end
  if cost < left or cost == left and nanos <= left_nanos then
    return cost, nanos
  elseif left < 0 then
    return 0, 0
  end
  return left, left_nanos
end

local function take(count, cost, nanos)
  local strategy = count.strategy
  count.is_changed = true
  if strategy == MOVING then
    log.take(count, cost)
    return
  end
  local entry, at, window, capacity = count.entry, count.at, count.window, count.capacity
  local a, b, c, kept = count.a, count.b, count.c, entry.kept
  --[[take]]
  count.a, count.b, count.c, entry.kept, entry.newest = a, b, c, kept, at
  count.is_moved = strategy == ELASTIC
end

local function refuse(count)
  if count.strategy == ELASTIC then
    local entry, moved = count.entry, count.at + count.window
    count.a, count.is_moved, count.is_changed, entry.newest = moved, true, true, count.at
    count.c = count.c - count.c % 1 + 0.5
    if moved > entry.kept then
      entry.kept = moved + count.window / 8
    end
  end
end

local reports = {}

local function report(number, count, cost, taken)
  if count.strategy == MOVING then
    reports[number] = taken .. pack('<dddd', log.words(count, cost))
  elseif count.is_moved then
    reports[number] = taken + 2 .. pack('<dddd', count.at, count.stored_end, count.b, count.c)
  else
    reports[number] = taken .. pack('<dddd', count.at, count.a, count.b, count.c)
  end
end

-- Looks at some hits, each with what earlier ones of the same count will have taken. Returns them, and whether
-- none refuses.
local function test(first, last)
  local tested, pass = {}, true
  for number = first, last do
    local count, cost, nanos, shadow, _, is_charge = hit_at(number)
    local sum, sum_nanos = cost, nanos
    if count.sum then
      sum, sum_nanos = count.sum + cost, count.sum_nanos + nanos
      if sum_nanos >= 1000 then
        sum, sum_nanos = sum + 1, sum_nanos - 1000
      end
    end
    local passes = look(count, sum, sum_nanos) or is_charge
    -- A hit that refuses in shadow takes nothing.
    if passes or not shadow then
      count.sum, count.sum_nanos = sum, sum_nanos
    end
    pass = pass and (passes or shadow)
    tested[number - first + 1] = {
      number = number,
      count = count,
      capacity = count.capacity,
      capacity_nanos = count.capacity_nanos,
      cost = cost,
      nanos = nanos,
      sum = sum,
      sum_nanos = sum_nanos,
      passes = passes,
      shadow = shadow,
      is_charge = is_charge,
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
    report(hit.number, count_for(hit), hit.sum, 0)
  end
end

-- A hit that passed beside the earlier ones passes after they have taken their part.
local function consume(tested)
  for _, hit in ipairs(tested) do
    local count, cost, nanos = count_for(hit), hit.cost, hit.nanos
    if hit.is_charge then
      cost, nanos = fitting(count, cost, nanos)
    end
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
  for number = guards + limits + 1, all do
    local count, cost, nanos, _, only_after = hit_at(number)
    local after = limits_tested[only_after]
    if only_after ~= 0 and not (after and not after.passes and not after.shadow) then
      -- It waits for another limit.
    elseif not can_matter(count, cost, nanos) then
      -- It is a look.
    elseif look(count, cost, nanos) then
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

local verdict = ADMITTED
if not unguarded then
  verdict = GUARDED
  report_looks(limits_tested)
elseif admitted then
  consume(limits_tested)
else
  verdict = REFUSED
  report_looks(limits_tested)
  for _, hit in ipairs(limits_tested) do
    local count = count_for(hit)
    if not hit.passes and not hit.shadow and can_matter(count, hit.sum, hit.sum_nanos) then
      refuse(count)
      report(hit.number, count, hit.sum, 0)
    end
  end
  consume_on_refusal(limits_tested)
end

for _, count in pairs(counts) do
  if count.is_changed then
    save(count)
  end
end
write_entries()
return verdict .. table.concat(reports)
