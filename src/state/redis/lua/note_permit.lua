-- Notes what became of an admitted call: it was not made, or may have reached DingTalk late, or DingTalk refused it. After a refusal, the
-- limit is the number of calls that DingTalk admitted in the second before.
--
-- KEYS: as for permit.lua. ARGV: the call's name, what became of it ('stayed', 'late' or 'refused'), by how many milliseconds it was late.
local now, kept = milliseconds(), 7000
if ARGV[2] == 'stayed' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
local at = (tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) or now) + ARGV[3]
redis.call('ZADD', KEYS[1], at, ARGV[1])
redis.call('PEXPIRE', KEYS[1], kept)
if ARGV[2] ~= 'refused' then return 0 end
redis.call('ZADD', KEYS[4], at, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - kept)
redis.call('PEXPIRE', KEYS[4], kept)
local since, together = at - 1020, at + 50
local admitted = redis.call('ZCOUNT', KEYS[1], since, together) - redis.call('ZCOUNT', KEYS[4], since, together)
local limit = tonumber(redis.call('HGET', KEYS[3], 'limit')) or admitted
redis.call('HSET', KEYS[3], 'limit', math.max(1, math.min(limit, admitted)), 'raised', now, 'step', 1)
if admitted <= 0 then redis.call('HSET', KEYS[3], 'paused', now + 1000) end
redis.call('PEXPIRE', KEYS[3], 600000)
return 0
