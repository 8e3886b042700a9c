-- Replaces a value unless it has changed, and answers the value that is stored then. KEYS: its key. ARGV: the old value, the new one.
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1]) or ''
