-- Gives a lock back, and with it a new value if there is one and the lock was still held: who comes too late changes nothing.
--
-- KEYS: the credential, its lock. ARGV: whose, the new value or nothing, its life.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('UNLINK', KEYS[2])
return 1
