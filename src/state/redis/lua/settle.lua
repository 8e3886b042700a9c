-- Marks taken things as used, or frees them. ARGV: who took them, then for each key how many milliseconds it stays used, or 0 to free it.
for nth, key in ipairs(KEYS) do
  local there, life = redis.call('GET', key), tonumber(ARGV[nth + 1])
  if life > 0 then redis.call('SET', key, 'used', 'PX', life)
  elseif there == ARGV[1] then redis.call('UNLINK', key) end
end
return 0
