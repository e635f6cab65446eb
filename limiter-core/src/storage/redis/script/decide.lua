-- Decides a batch. Arguments: the time in microseconds, or nothing for the time of the server; how many guards
-- and how many limits there are; for each guard, limit and hit on refusal what `hit_at` reads, whether it is
-- in shadow, and the place of the limit it waits for or 0.
-- Returns 0 (admitted), 1 (refused) or 2 (guarded), and for each guard and limit 1 if it was taken, plus 2 if the
-- end of its window is not the stored one but one window from now, and the words of its strategy.

local ADMITTED, REFUSED, GUARDED = 0, 1, 2
local FIRST, STRIDE, WORDS = 4, 9, 5
local NOTHING = { 0, 0 }

local guards, limits = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply = {}

local function report(number, count, cost, taken)
  local first = 2 + (number - 1) * WORDS
  reply[first] = count.is_moved and taken + 2 or taken
  reply[first + 1], reply[first + 2], reply[first + 3], reply[first + 4] = count.strategy.words(count, cost)
end

-- Looks at some hits, each with what earlier ones of the same count will have taken. Returns them, and whether
-- none refuses.
local function test(first, last)
  local hits, sums, pass = {}, {}, true
  for number = first, last do
    local place = FIRST + (number - 1) * STRIDE
    local count, cost = hit_at(place)
    local shadow = ARGV[place + 7] == '1'
    local sum = sums[count]
    sum = sum and plus(sum, cost) or cost
    local passes = count.strategy.passes(count, sum)
    -- What refuses in shadow takes nothing.
    if passes or not shadow then
      sums[count] = sum
    end
    pass = pass and (passes or shadow)
    hits[#hits + 1] = { number = number, count = count, cost = cost, sum = sum, passes = passes, shadow = shadow }
  end
  return hits, pass
end

local function report_looks(hits)
  for _, hit in ipairs(hits) do
    report(hit.number, hit.count, hit.sum, 0)
  end
end

-- Nothing and too much take nothing and move nothing.
local function can_matter(count, cost)
  return (cost[1] > 0 or cost[2] > 0) and at_most(cost, count.capacity)
end

local function take(count, cost)
  count.strategy.take(count, cost)
  count.changed = true
end

local function refuse(count)
  if count.strategy.refuse then
    count.strategy.refuse(count)
    count.changed = true
  end
end

-- What passed with all that earlier hits take passes now that they have taken it.
local function consume(hits)
  for _, hit in ipairs(hits) do
    local count, cost = hit.count, hit.cost
    local taken = can_matter(count, cost) and hit.passes
    if taken then
      take(count, cost)
    elseif can_matter(count, cost) then
      refuse(count)
    end
    report(hit.number, count, taken and NOTHING or cost, taken and 1 or 0)
  end
end

local function consume_on_refusal(limits_tested)
  for number = guards + limits + 1, (#ARGV - FIRST + 1) / STRIDE do
    local place = FIRST + (number - 1) * STRIDE
    local only_after = tonumber(ARGV[place + 8])
    local after = limits_tested[only_after]
    if only_after == 0 or after and not after.passes and not after.shadow then
      local count, cost = hit_at(place)
      if not can_matter(count, cost) then
        -- It is a look.
      elseif count.strategy.passes(count, cost) then
        take(count, cost)
      else
        refuse(count)
      end
    end
  end
end

reply[1] = ADMITTED
local guards_tested, unguarded = test(1, guards)
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
    if not hit.passes and not hit.shadow and can_matter(hit.count, hit.sum) then
      refuse(hit.count)
      report(hit.number, hit.count, hit.sum, 0)
    end
  end
  consume_on_refusal(limits_tested)
end

save_all()
return reply
