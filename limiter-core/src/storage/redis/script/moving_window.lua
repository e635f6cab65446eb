-- The hits of the last window. They are one string with a key of its own: for each hit its instant and its cost, oldest
-- first, and then the trailer. That is at the end, so that one command reads it with the newest hits, and one writes a
-- hit with it. It consists of the newest instant, the end of the key, the sum of the costs, the instant of the
-- oldest hit or 0, the number of hits at the beginning that have left the window, that of all hits, and a mark. So a
-- hit takes 16 bytes and the trailer 56.

--- read
-- With up to 16 hits.
local tail$ = redis.pcall('GETRANGE', key@, '-312', '-1')
local newest@, kept@, used$, oldest$, gone$, stored$, mark$ = 0, 0, 0, 0, 0, 0, 0
-- An error is a table, and shorter.
if #tail$ >= 56 then
  newest@, kept@, used$, oldest$, gone$, stored$, mark$ = read('<ddddddd', tail$, #tail$ - 55)
end
if mark$ ~= 20131119.5 then
  -- A value of another form is ignored.
  tail$, newest@, kept@, used$, oldest$, gone$, stored$ = '', 0, 0, 0, 0, 0, 0
end
local at@, added$ = now > newest@ and now or newest@, 0
if oldest$ > 0 and oldest$ <= at@ - window$ then
  local hits, from = tail$, #tail$ - 55 - (stored$ - gone$) * 16
  oldest$ = 0
  while gone$ < stored$ do
    if from < 1 or from > #hits then
      hits, from = call('GETRANGE', key@, gone$ * 16, math.min(gone$ + 64, stored$) * 16 - 1), 1
    end
    local instant, cost = read('<dd', hits, from)
    if instant > at@ - window$ then
      oldest$ = instant
      break
    end
    gone$, used$, from = gone$ + 1, used$ - cost, from + 16
  end
end

--- wait
-- The instant of the last of the hits that must leave until the cost passes, unless no wait helps or none is needed.
if cost$ > capacity$ - used$ and cost$ <= capacity$ then
  local missing, place, hits, from = cost$ - (capacity$ - used$), gone$, tail$, #tail$ - 55 - (stored$ - gone$) * 16
  while missing > 0 and place < stored$ do
    if from < 1 or from > #hits then
      hits, from = call('GETRANGE', key@, place * 16, math.min(place + 64, stored$) * 16 - 1), 1
    end
    local instant, freed = read('<dd', hits, from)
    last$, missing, place, from = instant, missing - freed, place + 1, from + 16
  end
  if missing > 0 and added$ > 0 then
    last$ = at@
  end
end

--- write
do
  local place, hit, before, lifetime = stored$, added$, '', false
  if at@ == newest@ and stored$ > gone$ then
    -- Hits at one instant are one, by which a refund finds them.
    local last, cost = read('<dd', tail$, #tail$ - 71)
    if last == at@ then
      place, hit = place - 1, hit + cost
    end
  end
  -- Some hits that have left the window stay, so that the others are seldom copied.
  local is_cut = gone$ >= 32 and gone$ * 2 >= stored$
  if is_cut or at@ + window$ > kept@ then
    -- With time to spare: the next hit needs the key longer.
    kept@ = at@ + window$ + window$ / 8
    lifetime = math.ceil((kept@ - at@) / 1000) + 1000
  end
  if is_cut then
    if place > gone$ then
      before = call('GETRANGE', key@, gone$ * 16, place * 16 - 1)
    end
    place, gone$ = place - gone$, 0
  end
  local value = pack('<ddddddddd', at@, hit, at@, kept@, used$, oldest$, gone$, place + 1, 20131119.5)
  if is_cut or tail$ == '' then
    call('SET', key@, before .. value, 'PX', lifetime)
  else
    call('SETRANGE', key@, place * 16, value)
    if lifetime then
      call('PEXPIRE', key@, lifetime)
    end
  end
end

--- look
-- More may be used than the amount, if that was larger before.
passes$ = cost$ == 0 or cost$ <= capacity$ - used$

--- take
used$, added$ = used$ + cost$, added$ + cost$
if oldest$ == 0 then
  oldest$ = at@
end

--- log
-- The same for counts in tables.
log = {
  load = function(count)
    local key, window = count.key, count.window
    --[[read]]
    count.tail, count.newest, count.kept, count.at, count.added = tail, newest, kept, at, added
    count.used, count.oldest, count.gone, count.stored = used, oldest, gone, stored
    count.is_stored = tail ~= ''
  end,
  passes = function(count, cost)
    local passes, capacity, used = false, count.capacity, count.used
    --[[look]]
    return passes
  end,
  take = function(count, cost)
    local at, used, added, oldest = count.at, count.used, count.added, count.oldest
    --[[take]]
    count.used, count.added, count.oldest = used, added, oldest
  end,
  words = function(count, cost)
    local key, tail, gone, stored, added = count.key, count.tail, count.gone, count.stored, count.added
    local at, used, capacity, last = count.at, count.used, count.capacity, 0
    --[[wait]]
    return at, used, count.oldest, last
  end,
  save = function(count)
    local key, tail, gone, stored, added = count.key, count.tail, count.gone, count.stored, count.added
    local at, used, oldest, window = count.at, count.used, count.oldest, count.window
    local newest, kept = count.newest, count.kept
    --[[write]]
  end,
  -- The place of the hit at the instant `stamp` and its cost; nothing if there is none.
  find = function(count, stamp)
    local low, high = count.gone, count.stored - 1
    while low <= high do
      local place = math.floor((low + high) / 2)
      local at, left = read('<dd', call('GETRANGE', count.key, place * 16, place * 16 + 15))
      if at == stamp then
        return place, left
      elseif at < stamp then
        low = place + 1
      else
        high = place - 1
      end
    end
  end,
  refund = function(count, cost, stamp)
    local place, left = log.find(count, stamp)
    if place then
      log.replace(count, place, left, math.min(cost, left))
    end
  end,
  -- Writes all hits anew without a part of one.
  replace = function(count, place, left, returned)
    local value, hit, oldest = call('GET', count.key), '', 0
    if left > returned then
      hit = string.sub(value, place * 16 + 1, place * 16 + 8) .. pack('<d', left - returned)
    end
    local before = string.sub(value, count.gone * 16 + 1, place * 16)
    local hits = before .. hit .. string.sub(value, place * 16 + 17, count.stored * 16)
    if hits ~= '' then
      oldest = read('<d', hits)
    end
    local used = count.used - returned
    local trailer = pack('<ddddddd', count.newest, count.kept, used, oldest, 0, #hits / 16, 20131119.5)
    call('SET', count.key, hits .. trailer, 'PX', lifetime(count.at, count.kept))
  end,
}
