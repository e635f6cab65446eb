-- Returns what was taken. Arguments: the time in microseconds, or nothing for the time of the server;
-- for each hit what `hit_at` reads, the stamp of its report, and where it moved an end to and from, or 0 and 0 to
-- leave that as it is.

local FIRST, STRIDE = 2, 10

for first = FIRST, #ARGV, STRIDE do
  local count, cost = hit_at(first)
  local stamp, moved_to, moved_from = unpack(ARGV, first + 7, first + 9)
  if count.strategy.give_back(count, cost, tonumber(stamp), tonumber(moved_to), tonumber(moved_from)) then
    count.changed = true
  end
end

save_all()
return 0
