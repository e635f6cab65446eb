-- What all scripts of notes begin with. The key is a list: a hash with a field for each note, which has the instant of
-- its end, a blank and its text. The field without a name has the version of the list.
--
-- Instants are whole milliseconds since the epoch. The first argument is the time, or empty for that of the server.

local call, key = redis.call, KEYS[1]
local now = tonumber(ARGV[1])

if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function number(value)
  return string.format('%.0f', value)
end

-- Returns the end and the text of a note.
local function parts(value)
  local blank = string.find(value, ' ', 1, true)
  return tonumber(string.sub(value, 1, blank - 1)), string.sub(value, blank + 1)
end

-- Calls a function with the name, the end and the text of each note.
local function each_note(visit)
  local fields = call('HGETALL', key)
  for at = 1, #fields, 2 do
    if fields[at] ~= '' then
      visit(fields[at], parts(fields[at + 1]))
    end
  end
end

local function change_version()
  local version = tonumber(call('HGET', key, '') or '0')
  call('HSET', key, '', number(math.max(version + 1, now)))
end
