-- Writes an entry of a log and removes it. KEYS: the secret of the names, and a key that nothing else uses. Answers the secret.
redis.call('XADD', KEYS[2], '*', 'a', 'trial')
redis.call('UNLINK', KEYS[2])
return redis.call('GET', KEYS[1])
