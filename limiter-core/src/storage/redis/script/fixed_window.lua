-- One counter. A record is: end, used, 0.

--- look
if at@ >= a$ then
  b$ = 0
end
passes$ = cost$ <= capacity$ - b$

--- take
if b$ == 0 then
  a$ = at@ + window$
end
b$ = b$ + cost$
if a$ > kept@ then
  kept@ = a$
end

--- give back
if a == stamp then
  b = math.max(b - cost, 0)
else
  is_returned = false
end
