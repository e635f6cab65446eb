-- Decides a batch. Arguments: the time in microseconds, or nothing for the time of the server; how many guards
-- and how many limits there are; for each guard, limit and hit on refusal what `hit_at` reads, whether it is
-- in shadow, and the place of the limit it waits for or 0.
-- Returns 0 (admitted), 1 (refused) or 2 (guarded), and for each guard and limit whether it was taken and the
-- words of its strategy.

local ADMITTED, REFUSED, GUARDED = 0, 1, 2
local FIRST, STRIDE, WORDS = 4, 9, 5

local guards, limits = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply = {}

local function hit_number(number)
  local first = FIRST + (number - 1) * STRIDE
  local hit = hit_at(first)
  hit.number = number
  hit.shadow, hit.only_after = ARGV[first + 7] == '1', tonumber(ARGV[first + 8])
  return hit
end

local function report(hit, cost, taken)
  local first = 2 + (hit.number - 1) * WORDS
  reply[first] = taken and 1 or 0
  reply[first + 1], reply[first + 2], reply[first + 3], reply[first + 4] = hit.count.strategy.words(hit.count, cost)
end

-- Looks at some hits, each with what earlier ones of the same count will have taken. Returns them, and whether
-- none refuses.
local function test(first, last)
  local hits, sums, pass = {}, {}, true
  for number = first, last do
    local hit = hit_number(number)
    local count = hit.count
    hit.sum = plus(sums[count] or { 0, 0 }, hit.cost)
    hit.passes = count.strategy.passes(count, hit.sum)
    -- What refuses in shadow takes nothing.
    if hit.passes or not hit.shadow then
      sums[count] = hit.sum
    end
    pass = pass and (hit.passes or hit.shadow)
    report(hit, hit.sum, false)
    hits[#hits + 1] = hit
  end
  return hits, pass
end

-- Takes a cost if it passes. Nothing and too much take nothing and move nothing.
local function take(count, cost)
  if cost[1] == 0 and cost[2] == 0 or not at_most(cost, count.capacity) then
    return false
  end
  if count.strategy.passes(count, cost) then
    count.strategy.take(count, cost)
    count.changed = true
    return true
  end
  if count.strategy.refuse then
    count.strategy.refuse(count)
    count.changed = true
  end
  return false
end

local _, unguarded = test(1, guards)
local hits, admitted = test(guards + 1, guards + limits)

if not unguarded then
  reply[1] = GUARDED
elseif admitted then
  reply[1] = ADMITTED
  for _, hit in ipairs(hits) do
    local taken = take(hit.count, hit.cost)
    report(hit, taken and { 0, 0 } or hit.cost, taken)
  end
else
  reply[1] = REFUSED
  for _, hit in ipairs(hits) do
    if not hit.passes and not hit.shadow and hit.count.strategy.refuse then
      take(hit.count, hit.sum)
      report(hit, hit.sum, false)
    end
  end
  for number = guards + limits + 1, (#ARGV - FIRST + 1) / STRIDE do
    local hit = hit_number(number)
    local after = hits[hit.only_after]
    if hit.only_after == 0 or after and not after.passes and not after.shadow then
      take(hit.count, hit.cost)
    end
  end
end

save_all()
return reply
