-- Removes the note of this name. Returns 1 if it had not ended.

local value = call('HGET', key, ARGV[2])
if not value then
  return 0
end
call('HDEL', key, ARGV[2])
change_version()
return parts(value) > now and 1 or 0
