-- Writes an entry of a log and removes it. KEYS: the secret of the names, and a key that nothing else uses. Answers the secret. Writes first:
-- once a script has changed something, a full Redis takes all that it writes.
redis.call('XADD', KEYS[2], 'MAXLEN', 1, '*', 'a', 'trial')
redis.call('PEXPIRE', KEYS[2], 1000)
redis.call('UNLINK', KEYS[2])
return redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1])
