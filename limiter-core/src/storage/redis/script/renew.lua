-- Renews leases of concurrent requests, which are hits of moving windows: each moves to now. Returns a double for each hit:
-- the instant of its move, by which the next call finds it, or 0 if there is no such hit any more.

local renewed = {}

for number = 1, all do
  local name, window, capacity, capacity_nanos, cost, _, place, strategy, stamp = arguments_of(number)
  local count = count_of(place, strategy, name, window, capacity, capacity_nanos)
  local hit, left = log.find(count, stamp)
  if hit and left >= cost then
    log.replace(count, hit, left, cost)
    log.load(count)
    log.take(count, cost)
    log.save(count)
    renewed[number] = pack('<d', count.at)
  else
    renewed[number] = pack('<d', 0)
  end
end

return table.concat(renewed)
