-- A fixed window whose end moves. A record is: end, start, used.

--- look
c$ = at@ < a$ and c$ - c$ % 1 or 0
-- More may be used than the amount, if that was larger before.
passes$ = cost$ == 0 or cost$ <= capacity$ - c$

--- take
c$ = c$ - c$ % 1
if c$ == 0 then
  b$ = at@
end
a$, c$ = at@ + window$, c$ + cost$
if c$ + cost$ > capacity$ then
  c$ = c$ + 0.5
end
if a$ > kept@ then
  -- With time to spare: the next hit moves the end again.
  kept@ = a$ + window$ / 8
end

--- refund
if b == stamp then
  c = math.max(c - c % 1 - cost, 0)
  if a == moved_to then
    a = moved_from
  end
else
  is_returned = false
end
