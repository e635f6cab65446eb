-- Returns the version of a list, then the name, the milliseconds left and the text of each note. Returns nothing if the
-- list still has the version that is given.

local version = call('HGET', key, '') or '0'
if version == ARGV[2] then
  return false
end
local reply = { version }
each_note(function(name, finish, text)
  if finish > now then
    table.insert(reply, name)
    table.insert(reply, number(finish - now))
    table.insert(reply, text)
  end
end)
return reply
