-- Tells all processes of things of one kind. KEYS: the log, and where they are kept for good if they are. ARGV: how old entries of the log
-- may become in milliseconds, then of each thing its name and what it is. Where there was junk, what others had told is lost.
if junk > 0 then return redis.error_reply('WRONGTYPE') end
local oldest = string.format('%.0f', milliseconds() - ARGV[1])
for nth = 2, #ARGV, 2 do
  redis.call('XADD', KEYS[1], 'MINID', '~', oldest, '*', ARGV[nth], ARGV[nth + 1])
  if KEYS[2] then redis.call('HSET', KEYS[2], ARGV[nth], ARGV[nth + 1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
