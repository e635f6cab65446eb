-- The instant at which the bucket is full. A record is: microseconds, nanoseconds, 0.

--- look
if a$ < at@ then
  a$, b$ = at@, 0
end
do
  local missing, missing_nanos = a$ - at@ + cost$, b$ + nanos$
  if missing_nanos >= 1000 then
    missing, missing_nanos = missing + 1, missing_nanos - 1000
  end
  passes$ = cost$ == 0 and nanos$ == 0
    or missing < capacity$
    or missing == capacity$ and missing_nanos <= capacity_nanos$
end

--- take
a$, b$ = a$ + cost$, b$ + nanos$
if b$ >= 1000 then
  a$, b$ = a$ + 1, b$ - 1000
end
c$ = a$ - at@ + cost$ > capacity$ and 0.5 or 0
if a$ >= kept@ then
  -- With time to spare: the next hit moves the end again.
  kept@ = a$ + 1 + capacity$ / 8
end

--- refund
if a < at then
  is_returned = false
else
  -- What the time since the hit has not already refilled: more would let it gain the same units twice.
  local credit = math.max(cost - math.max(at - stamp, 0), 0)
  if cost < at - stamp then
    nanos = 0
  end
  a, b = a - credit, b - nanos
  if b < 0 then
    a, b = a - 1, b + 1000
  end
  if a < 0 then
    a, b = 0, 0
  end
  c = 0
end
