-- Answers how many logs lack an entry. KEYS: the logs. ARGV: the id of an entry of each.
local lost = 0
for nth, key in ipairs(KEYS) do
  if #redis.call('XRANGE', key, ARGV[nth], ARGV[nth]) == 0 then lost = lost + 1 end
end
return lost
