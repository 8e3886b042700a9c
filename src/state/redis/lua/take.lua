-- Takes things that may be used once: all the needed ones, or none. With them it takes one of the helping ones, if one is free.
--
-- KEYS: the processes, then the things, the needed ones first. ARGV: who takes them, how many are needed, then for each thing how many
-- milliseconds it stays taken, and 1 if it is free again when the process that took it has ended. Answers the number of a needed thing that
-- cannot be taken, negative if it is not used yet but in use; else 0 and the number of the helping thing that was taken, or 0.
local me, needed = ARGV[1], tonumber(ARGV[2])
local function taken(nth)
  local owner = redis.call('GET', KEYS[nth + 1])
  local process = owner and ARGV[2 * nth + 2] == '1' and string.match(owner, '^(%x+) ')
  if process and not redis.call('ZSCORE', KEYS[1], process) then return false end
  return owner ~= me and owner
end
local function take(nth) redis.call('SET', KEYS[nth + 1], me, 'PX', ARGV[2 * nth + 1]) end
for nth = 1, needed do
  local owner = taken(nth)
  if owner then return {owner == 'used' and nth or -nth, 0} end
end
for nth = 1, needed do take(nth) end
for nth = needed + 1, #KEYS - 1 do
  if not taken(nth) then
    take(nth)
    return {0, nth}
  end
end
return {0, 0}
