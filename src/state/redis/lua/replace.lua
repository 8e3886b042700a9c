-- KEYS: where; ARGV: what was found there, what is to be there.
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1]) or ''
