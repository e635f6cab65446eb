-- Returns what was taken. Arguments: the time in microseconds, or nothing for the time of the server; for each
-- hit ten doubles: the place of its key, its strategy, window, capacity and cost, the stamp of its report, and
-- where it moved an end to and from, or 0 and 0 to leave that as it is.

local SIZE = 80

for first = 1, #ARGV[2], SIZE do
  local place, number, window, capacity, capacity_nanos, cost, nanos, stamp, moved_to, moved_from =
    struct.unpack('<dddddddddd', ARGV[2], first)
  local count = count_at(place, number, window, capacity, capacity_nanos)
  if count.strategy.give_back(count, cost, nanos, stamp, moved_to, moved_from) then
    count.changed = true
  end
end

save_all()
return 0
