-- Forgets counts.

for number = 1, all do
  local name, _, _, _, _, _, place, strategy = arguments_of(number)
  if strategy == MOVING then
    call('UNLINK', KEYS[place])
  else
    local entry = entry_at(place)
    local from = record_in(entry.value, name)
    if from then
      replace(entry, from, '')
    end
  end
end

write_entries()
return 0
