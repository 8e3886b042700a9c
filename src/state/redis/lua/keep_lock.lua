-- Prolongs a lock. KEYS: the credential, its lock. ARGV: the lock's owner, its life in milliseconds.
if redis.call('GET', KEYS[2]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 0
