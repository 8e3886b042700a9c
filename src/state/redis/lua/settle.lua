-- Says what became of what was taken. ARGV: who had taken it, then for each key its life as a used one, or 0 if it was not used.
for nth, key in ipairs(KEYS) do
  local there, life = redis.call('GET', key), tonumber(ARGV[nth + 1])
  if life > 0 then redis.call('SET', key, 'used', 'PX', life)
  elseif there == ARGV[1] then redis.call('UNLINK', key) end
end
return 0
