-- The beginning of every script: a value of another type under one of our keys is junk and is deleted first. The time is that of Redis.
local junk = 0
for nth, key in ipairs(KEYS) do
  local kind, there = kinds[nth] or kinds[#kinds], redis.call('TYPE', key).ok
  if there ~= kind and there ~= 'none' then junk = junk + redis.call('UNLINK', key) end
end
local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
