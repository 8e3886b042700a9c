-- Publishes records of one table to all processes. KEYS: the log, and the hash if the table is stored for good. ARGV: how old entries of
-- the log may become in milliseconds, then each record's name and sealed value. It fails after junk: what others had published is lost.
-- The log expires by the time in its last entry, also if the clock was set back since: entries of a new log would come before that, and
-- nobody who has read the old one would read them.
if junk > 0 then return redis.error_reply('WRONGTYPE') end
local last
local oldest = string.format('%.0f', milliseconds() - ARGV[1])
for nth = 2, #ARGV, 2 do
  last = redis.call('XADD', KEYS[1], 'MINID', '~', oldest, '*', ARGV[nth], ARGV[nth + 1])
  if KEYS[2] then redis.call('HSET', KEYS[2], ARGV[nth], ARGV[nth + 1]) end
end
redis.call('PEXPIREAT', KEYS[1], string.match(last, '^%d+') + ARGV[1])
return 0
