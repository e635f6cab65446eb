-- One counter. A record is: end, used, 0.

--- look
if at@ >= a$ then
  b$ = 0
end
-- More may be used than the amount, if that was larger before.
passes$ = cost$ == 0 or cost$ <= capacity$ - b$

--- take
if b$ == 0 then
  a$ = at@ + window$
end
b$ = b$ + cost$
c$ = b$ + cost$ > capacity$ and 0.5 or 0
if a$ > kept@ then
  kept@ = a$
end

--- refund
if a == stamp then
  b, c = math.max(b - cost, 0), 0
else
  is_returned = false
end
