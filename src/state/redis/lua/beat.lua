-- Tells that a process is there. KEYS: the processes, the secret of the names. ARGV: which, for how many milliseconds it is believed.
-- Answers how many there are, what time it is in milliseconds, and the secret. Those that were told of before the clock was set back, and
-- so lie ahead, are forgotten.
local now = milliseconds()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local names = redis.call('GET', KEYS[2]) or ''
return {redis.call('ZCARD', KEYS[1]), now, names}
