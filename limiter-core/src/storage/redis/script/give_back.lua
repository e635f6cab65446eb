-- Returns what was taken. Arguments: the time in microseconds, or nothing for the time of the server;
-- for each hit what `hit_at` reads, and the stamp of its report.

local FIRST, STRIDE = 2, 8

for first = FIRST, #ARGV, STRIDE do
  local count, cost = hit_at(first)
  if count.strategy.give_back(count, cost, tonumber(ARGV[first + 7])) then
    count.changed = true
  end
end

save_all()
return 0
