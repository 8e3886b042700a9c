-- Reports that a process is alive. KEYS: the processes, the secret of the names. ARGV: the process, for how many milliseconds it counts as
-- alive. Answers how many processes are alive, the time in milliseconds, and the secret. Reports from before the clock was set back lie in
-- the future, and are removed.
local now = milliseconds()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local names = redis.call('GET', KEYS[2]) or ''
return {redis.call('ZCARD', KEYS[1]), now, names}
