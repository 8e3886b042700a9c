-- Admits calls to DingTalk, in any second as many as DingTalk allows. It leaves room for the calls of other processes that arrived earlier,
-- if these processes ask again when they were told to. While DingTalk allows fewer, since somebody else calls it too, the limit is lower;
-- it is raised every six seconds, each time by twice as much as the time before. Times too far in the future were noted before the clock
-- was set back, or by the clock of another primary, and are removed.
--
-- KEYS: the admitted calls, stored for longer than an answer takes; the processes that wait; the lower limit, if there is one; the refused
-- calls. ARGV: the process that asks, the beginning of its calls' names, how many calls it has, how many may leave in a second, when its
-- first call arrived. Answers how many may leave, or else after how many milliseconds to ask again; and how many processes have calls that
-- wait.
local me, wanted, allowed, since = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = milliseconds()
local second = 1020 -- what DingTalk counts over, and some more since clocks differ
local earlier = 200 -- calls of other processes that arrived by so much earlier go first
local chance = 40 -- how much later than told a process may ask again, to count as waiting
local before_more = 6000 -- how long the limit stays before it is raised
local ahead = 3500 -- what lies further in the future is removed
local kept = 7000 -- how long an admitted call is stored
local known = redis.call('HMGET', KEYS[3], 'limit', 'raised', 'step', 'paused')
local limit, raised, step = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
if limit and raised and step and step > 0 and raised <= now then
  while limit < allowed and now >= raised + before_more do
    limit, raised, step = limit + step, raised + before_more, step * 2
  end
  if limit >= allowed then redis.call('UNLINK', KEYS[3])
  else
    redis.call('HSET', KEYS[3], 'limit', limit, 'raised', raised, 'step', step)
    allowed = limit
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - kept)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ahead, '+inf')
local lately = '(' .. now - second
local free, before = allowed - redis.call('ZCOUNT', KEYS[1], lately, '+inf'), 0
local waiting, others = redis.call('HGETALL', KEYS[2]), 0
for nth = 1, #waiting, 2 do
  local arrived, asks = string.match(waiting[nth + 1], '^(%d+) (%d+)$')
  if not arrived or now - asks > chance or asks - now > ahead then redis.call('HDEL', KEYS[2], waiting[nth])
  elseif waiting[nth] ~= me then
    others = others + 1
    if tonumber(arrived) < since - earlier then before = before + 1 end
  end
end
local paused = (tonumber(known[4]) or 0) - now
if paused > 0 and paused < 10000 then return {0, paused, others + 1} end
local may = math.min(wanted, free - before)
if may > 0 then
  for nth = 1, may do redis.call('ZADD', KEYS[1], now, ARGV[2] .. nth) end
  redis.call('HDEL', KEYS[2], me)
  redis.call('PEXPIRE', KEYS[1], kept)
  return {may, 0, others + 1}
end
local wait = 10
if free <= 0 then
  local first = redis.call('ZRANGEBYSCORE', KEYS[1], lately, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  wait = math.max(1, math.floor((first[2] or now) + second + 1 - now))
end
redis.call('HSET', KEYS[2], me, since .. ' ' .. now + wait)
redis.call('PEXPIRE', KEYS[2], 5000)
return {0, wait, others + 1}
