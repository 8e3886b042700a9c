-- Reports that a process is alive. KEYS: the processes, the secret of the names, the longest life of a session. ARGV: the process, for how
-- many milliseconds it counts as alive, and how long its sessions live. Answers how many processes are alive, the time in milliseconds, the
-- secret, and how long sessions of any process live: one that has ended counts for as long as its sessions live. Reports from before the
-- clock was set back lie in the future, and are removed.
local now = milliseconds()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local MOST = 30 * 24 * 60 * 60 * 1000
local longest, mine = tonumber(redis.call('GET', KEYS[3]) or ''), tonumber(ARGV[3])
-- Junk is nothing that could be compared, too long, or never expires.
if not (longest and longest > mine and longest <= MOST and redis.call('PTTL', KEYS[3]) > 0) then
  longest = mine
  redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[3])
end
local names = redis.call('GET', KEYS[2]) or ''
return {redis.call('ZCARD', KEYS[1]), now, names, longest}
