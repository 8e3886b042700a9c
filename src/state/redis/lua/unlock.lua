-- Releases a lock, and stores the new credential if there is one. If the lock has expired or is another owner's, this changes nothing.
--
-- KEYS: the credential, its lock. ARGV: the lock's owner, the new credential or nothing, its life in milliseconds.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('UNLINK', KEYS[2])
return 1
