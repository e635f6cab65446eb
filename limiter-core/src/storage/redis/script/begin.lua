-- The beginning of all scripts. Arguments: doubles, which the server reads faster than text; and the time in
-- microseconds, or nothing for the time of the server. Names of counts are whole numbers below 2^53, which cost the
-- server less than texts.
--
-- Instants are whole microseconds since the epoch, so that they are exact in the doubles of Lua (2^53 of them are
-- the year 2255); where a token bucket needs nanoseconds, they stand in a number of their own, 0 to 999. Costs and
-- capacities are two numbers too: of time under a token bucket, else of units and 0.
--
-- All counts of a client in one scope are one string, so that they are read and written at once. It begins with two
-- doubles: the newest instant at which one of them changed, and the end of the key. A record for each count
-- follows: its name and three doubles `a`, `b` and `c`, whose meaning depends on the strategy; but at `a` the
-- record ends. The number `c` has a half more if the count is spent: if another hit of the same cost would not
-- have passed. A moving window has a key of its own.

local call, pack, read = redis.call, struct.pack, struct.unpack
local hits, now = ARGV[1], ARGV[2]

if now then
  now = tonumber(now)
else
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end
