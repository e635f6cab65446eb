-- Two counters over windows aligned to the epoch. A record is: the end of the window after the current one,
-- previous, current.

--- functions
-- Whether a * b < c * d, exactly, for numbers below 2^52.
local function is_less(a, b, c, d)
  local half = 67108864 -- 2^26
  -- As three digits to the base 2^26.
  local function product(a, b)
    local a_low, b_low = a % half, b % half
    local a_high, b_high = (a - a_low) / half, (b - b_low) / half
    local low = a_low * b_low
    local middle = a_high * b_low + a_low * b_high + math.floor(low / half)
    return a_high * b_high + math.floor(middle / half), middle % half, low % half
  end
  local high, middle, low = product(a, b)
  local other_high, other_middle, other_low = product(c, d)
  if high ~= other_high then
    return high < other_high
  end
  if middle ~= other_middle then
    return middle < other_middle
  end
  return low < other_low
end

--- look
c$ = c$ - c$ % 1
do
  local start = at@ - math.fmod(at@, window$)
  local left = start + window$ - at@
  if a$ == start + window$ then
    b$, c$ = c$, 0
  elseif a$ ~= start + 2 * window$ then
    b$, c$ = 0, 0
  end
  a$ = start + 2 * window$
  -- floor(previous * left / window) <= room, without the division.
  local room = capacity$ - c$ - cost$
  local weighed, most = b$ * left, (room + 1) * window$
  if cost$ == 0 then
    passes$ = true
  elseif room < 0 then
    passes$ = false
  elseif weighed < 9007199254740992 and most < 9007199254740992 then
    passes$ = weighed < most
  else
    -- They do not fit into doubles.
    passes$ = is_less(b$, left, room + 1, window$)
  end
end

--- take
c$ = c$ - c$ % 1 + cost$
if c$ + cost$ + b$ * (a$ - window$ - at@) / window$ >= capacity$ + 1 then
  c$ = c$ + 0.5
end
if a$ > kept@ then
  kept@ = a$
end

--- refund
c = c - c % 1
if a - 2 * window == stamp then
  c = math.max(c - cost, 0)
elseif a - 3 * window == stamp then
  b = math.max(b - cost, 0)
else
  is_returned = false
end
