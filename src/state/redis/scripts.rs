//! What Redis does in one step. Each script makes room first: whatever of another type lies under one of our keys is junk.

use redis::Pipeline;

/// A question that `script` answers, to which its arguments can be added.
pub(super) fn run(script: &str, keys: &[String]) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.cmd("EVAL").arg(script).arg(keys.len()).arg(keys);
    pipeline
}

/// KEYS: where; ARGV: what was found there, what is to be there.
pub(super) const REPLACE: &str = r"
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then redis.call('UNLINK', KEYS[1]) end
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])";

/// Takes things that may be used once: all that are needed, or none; of those that only help, one.
///
/// ARGV: who takes them, how many are needed, then the life of each in milliseconds. KEYS: the needed ones first.
/// Answers the number of a needed one that cannot be taken, negative when it is only under way; else 0 and the number of the helping one.
pub(super) const TAKE: &str = r"
local me, needed = ARGV[1], tonumber(ARGV[2])
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'string' and kind ~= 'none' then redis.call('UNLINK', key) end
end
for nth = 1, needed do
  local taken = redis.call('GET', KEYS[nth])
  if taken and taken ~= me then return {taken == 'used' and nth or -nth, 0} end
end
for nth = 1, needed do redis.call('SET', KEYS[nth], me, 'PX', ARGV[nth + 2]) end
for nth = needed + 1, #KEYS do
  local taken = redis.call('GET', KEYS[nth])
  if not taken or taken == me then
    redis.call('SET', KEYS[nth], me, 'PX', ARGV[nth + 2])
    return {0, nth}
  end
end
return {0, 0}";

/// Says what became of what was taken. ARGV: who had taken it, then for each key its life as a used one, or 0 if it was not used.
pub(super) const SETTLE: &str = r"
for nth, key in ipairs(KEYS) do
  local there, life = redis.call('GET', key), tonumber(ARGV[nth + 1])
  if life > 0 then redis.call('SET', key, 'used', 'PX', life)
  elseif there == ARGV[1] then redis.call('UNLINK', key) end
end
return 0";

/// Looks at a credential, and locks it for whoever is to renew it.
///
/// KEYS: the credential, its lock. ARGV: who asks, the lock's life in milliseconds.
/// Answers whether the lock is this one's, also if it asks again because it never heard so, and what lies there.
pub(super) const LOOK: &str = r"
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'string' and kind ~= 'none' then redis.call('UNLINK', key) end
end
local mine = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[1]
return {mine and 1 or 0, redis.call('GET', KEYS[1]) or ''}";

/// Keeps a lock. KEYS: the lock. ARGV: whose, its life.
pub(super) const KEEP_LOCK: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0";

/// Gives a lock back, and with it a new value if there is one and the lock was still held: who comes too late changes nothing.
///
/// KEYS: the credential, its lock. ARGV: whose, the new value or nothing, its life.
pub(super) const UNLOCK: &str = r"
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('UNLINK', KEYS[2])
return 1";

/// Lets calls leave, so many in any second as DingTalk allows, and leaves room for those of other processes that came earlier, so long as
/// these come for it when they were told to. Where DingTalk has allowed fewer, since somebody else calls too, more is tried again after six
/// seconds, and each time that proves possible twice as much. What lies further ahead than anything can was noted before the clock was set
/// back, as another primary's may be, and is forgotten.
///
/// KEYS: the calls of the last second, those who wait, what is allowed lately, the refused calls. ARGV: who asks, the beginning of the leaves'
/// names, how many it wants, how many may leave in a second, when its first arrived. Answers how many may, and else after how many
/// milliseconds to ask again.
pub(super) const DEPART: &str = r"
for nth, kind in ipairs({'zset', 'hash', 'hash', 'zset'}) do
  local there = redis.call('TYPE', KEYS[nth]).ok
  if there ~= kind and there ~= 'none' then redis.call('UNLINK', KEYS[nth]) end
end
local me, wanted, allowed, since = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local second, earlier, chance, before_more, ahead = 1020, 200, 40, 6000, 3500
local lately = redis.call('HMGET', KEYS[3], 'limit', 'raised', 'step', 'paused')
local limit, raised, step = tonumber(lately[1]), tonumber(lately[2]), tonumber(lately[3])
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
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - second)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ahead, '+inf')
local free, before = allowed - redis.call('ZCARD', KEYS[1]), 0
local waiting = redis.call('HGETALL', KEYS[2])
for nth = 1, #waiting, 2 do
  local arrived, asks = string.match(waiting[nth + 1], '^(%d+) (%d+)$')
  if not arrived or now - asks > chance or asks - now > ahead then redis.call('HDEL', KEYS[2], waiting[nth])
  elseif waiting[nth] ~= me and tonumber(arrived) < since - earlier then before = before + 1 end
end
local paused = (tonumber(lately[4]) or 0) - now
if paused > 0 and paused < 10000 then return {0, paused} end
local may = math.min(wanted, free - before)
if may > 0 then
  for nth = 1, may do redis.call('ZADD', KEYS[1], now, ARGV[2] .. nth) end
  redis.call('HDEL', KEYS[2], me)
  redis.call('PEXPIRE', KEYS[1], 5000)
  return {may, 0}
end
local wait = 10
if free <= 0 then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  wait = math.max(1, math.floor((first[2] or now) + second + 1 - now))
end
redis.call('HSET', KEYS[2], me, since .. ' ' .. now + wait)
redis.call('PEXPIRE', KEYS[2], 5000)
return {0, wait}";

/// Notes what became of a call: that it stayed, or that DingTalk may have seen it late, or that DingTalk refused it: then what was admitted in
/// the second before is what is allowed from now on.
///
/// KEYS: as above. ARGV: the leave's name, what, by how many milliseconds it was late.
pub(super) const NOTE_DEPARTURE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == 'stayed' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
local at = (tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) or now) + ARGV[3]
redis.call('ZADD', KEYS[1], at, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 5000)
if ARGV[2] ~= 'refused' then return 0 end
redis.call('ZADD', KEYS[4], at, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - 5000)
redis.call('PEXPIRE', KEYS[4], 5000)
local since, together = at - 1020, at + 50
local admitted = redis.call('ZCOUNT', KEYS[1], since, together) - redis.call('ZCOUNT', KEYS[4], since, together)
local limit = tonumber(redis.call('HGET', KEYS[3], 'limit')) or admitted
redis.call('HSET', KEYS[3], 'limit', math.max(1, math.min(limit, admitted)), 'raised', now, 'step', 1)
if admitted <= 0 then redis.call('HSET', KEYS[3], 'paused', now + 1000) end
redis.call('PEXPIRE', KEYS[3], 600000)
return 0";

/// Tells that a process is there. KEYS: the processes, the secret of the names. ARGV: which, for how many milliseconds it is believed.
/// Answers how many there are, what time it is in milliseconds, and the secret. Those that were told of before the clock was set back, and
/// so lie ahead, are forgotten.
pub(super) const BEAT: &str = r"
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'zset' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local names = redis.call('TYPE', KEYS[2]).ok == 'string' and redis.call('GET', KEYS[2]) or ''
return {redis.call('ZCARD', KEYS[1]), now, names}";

/// Tells all processes of something. KEYS: the log, and where it is kept for good if it is. ARGV: how old entries of the log may become in
/// milliseconds, the thing's name, what it is.
pub(super) const TELL: &str = r"
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'stream' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', now - ARGV[1]), '*', ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
if KEYS[2] then
  kind = redis.call('TYPE', KEYS[2]).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('UNLINK', KEYS[2]) end
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
end
return 0";
