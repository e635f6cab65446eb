-- A fixed window whose end moves. A record is: end, start, used.

--- look
if at@ >= a$ then
  c$ = 0
end
passes$ = cost$ <= capacity$ - c$

--- take
if c$ == 0 then
  b$ = at@
end
a$, c$ = at@ + window$, c$ + cost$
if a$ > kept@ then
  -- With time to spare: the next hit moves the end again.
  kept@ = a$ + window$ / 8
end

--- give back
if b == stamp then
  c = math.max(c - cost, 0)
  if a == moved_to then
    a = moved_from
  end
else
  is_returned = false
end
