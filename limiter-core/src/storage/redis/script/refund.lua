-- Refunds hits. Each has the stamp of its report, and the ends that it moved to and from, or 0 and 0 to leave the end
-- as it is.

for number = 1, all do
  local name, window, capacity, capacity_nanos, cost, nanos, place, strategy, stamp, moved_to, moved_from =
    arguments_of(number)
  local count = count_of(place, strategy, name, window, capacity, capacity_nanos)
  if strategy == MOVING then
    log.refund(count, cost, stamp)
  elseif count.is_stored then
    local at, a, b, c, is_returned = count.at, count.a, count.b, count.c, true
    --[[refund]]
    if is_returned then
      count.a, count.b, count.c = a, b, c
      save(count)
    end
  end
end

write_entries()
return 0
