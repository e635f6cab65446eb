-- Adds a note, given by its name, the milliseconds until it ends and its text. Returns 0 if the list has as many other
-- notes as the last argument.

local name, left, text, max = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local keep = call('PTTL', key)
local is_known = call('HEXISTS', key, name) == 1
local size = call('HLEN', key) - call('HEXISTS', key, '')

-- Only a list that is full, or has lost its expiry, is walked through.
if (size >= max and not is_known) or (size > 0 and keep < 0) then
  each_note(function(other, finish)
    if finish > now then
      keep = math.max(keep, finish - now)
    else
      call('HDEL', key, other)
      size = size - 1
    end
  end)
end
if size >= max and call('HEXISTS', key, name) == 0 then
  return 0
end

call('HSET', key, name, number(now + left) .. ' ' .. text)
change_version()
call('PEXPIRE', key, number(math.max(keep, left)))
return 1
