-- Returns what was taken. For each hit there are the stamp of its report, and where it moved an end to and from, or 0
-- and 0 to leave that as it is.

for number = 1, all do
  local name, window, capacity, capacity_nanos, cost, nanos, place, strategy, stamp, moved_to, moved_from =
    told(number)
  local count = count_of(place, strategy, name, window, capacity, capacity_nanos)
  if strategy == MOVING then
    log.refund(count, cost, stamp)
  elseif count.is_stored then
    local at, a, b, c, is_returned = count.at, count.a, count.b, count.c, true
    --[[give back]]
    if is_returned then
      count.a, count.b, count.c = a, b, c
      save(count)
    end
  end
end

write_entries()
return 0
