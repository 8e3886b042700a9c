-- Reads a credential, and locks it for the process that asks, unless another one has locked it.
--
-- KEYS: the credential, its lock. ARGV: who asks, the lock's life in milliseconds. Answers whether the lock belongs to who asks (also if it
-- asks again, since the first answer was lost), and the credential. A lock that never expires, or expires later than any of ours can, is
-- junk.
local left = redis.call('PTTL', KEYS[2])
if left == -1 or left > tonumber(ARGV[2]) then redis.call('UNLINK', KEYS[2]) end
local mine = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[1]
return {mine and 1 or 0, redis.call('GET', KEYS[1]) or ''}
