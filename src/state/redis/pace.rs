//! Calls of all processes leave as fast as DingTalk lets one app make them, and about in the order in which they were asked for.

use std::sync::Arc;
use std::time::Duration;

use super::{Names, Redis, script};
use crate::dingtalk::{Departing, Departures, Leave, Outcome, Sharing};

impl Redis {
    /// DingTalk counts the calls of a second; processes come back within another.
    const SETTLING: Duration = Duration::from_secs(2);

    /// Whether each process keeps to its part of the limit, and whether they agree.
    pub fn sharing(&self) -> Sharing {
        match self.link.session() {
            Ok(session) if session.back_since.is_none_or(|since| since.elapsed() >= Self::SETTLING) => Sharing::Together,
            Ok(_) => Sharing::Settling(self.processes()),
            Err(_) => Sharing::Apart(self.processes()),
        }
    }

    /// How many of those that wait here may leave. None: it is away.
    pub async fn departures(&self, asking: Departing<'_>) -> Option<Departures> {
        let Departing { line, wanted, per_second, since } = asking;
        let number: u64 = rand::random();
        let leaves = format!("{} {number} ", self.me);
        let args = (&self.me, &leaves, wanted, per_second, since);
        let question = |names: &Names| script(DEPART, &KINDS, &places(names, line), args);
        let (may, wait_ms, waiting): (usize, u64, usize) = self.link.ask(question).await.ok()?;
        let wait = Duration::from_millis(wait_ms);
        Some(if may > 0 { Departures::Now(may, number) } else { Departures::After { wait, waiting } })
    }

    /// Says what became of a call, behind whoever made it.
    pub fn note_departure(self: &Arc<Self>, line: String, Leave(number, nth): Leave, outcome: Outcome) {
        let (what, late) = match outcome {
            Outcome::Stayed => ("stayed", Duration::ZERO),
            Outcome::Late(late) => ("late", late),
            Outcome::Refused(late) => ("refused", late),
        };
        let (redis, leave) = (Arc::clone(self), format!("{} {number} {}", self.me, nth + 1));
        self.runtime.spawn(async move {
            let args = (&leave, what, late.as_millis() as u64);
            let question = |names: &Names| script(NOTE_DEPARTURE, &KINDS, &places(names, &line), args);
            // Whatever it was, it has passed when it is back.
            let _ = redis.link.ask::<()>(question).await;
        });
    }
}

/// What lies at each of the places.
const KINDS: [&str; 4] = ["zset", "hash", "hash", "zset"];

fn places(names: &Names, line: &str) -> [String; 4] {
    ["left", "waiting", "limit", "refused"].map(|what| names.key(&format!("{what} {line}")))
}

/// Lets calls leave, so many in any second as DingTalk allows, and leaves room for those of other processes that came earlier, so long as
/// these come for it when they were told to. Where DingTalk has allowed fewer, since somebody else calls too, more is tried again after six
/// seconds, and each time that proves possible twice as much. What lies further ahead than anything can was noted before the clock was set
/// back, as another primary's may be, and is forgotten.
///
/// KEYS: the calls, kept for longer than an answer takes, those who wait, what is allowed lately, the refused calls. ARGV: who asks, the
/// beginning of the leaves' names, how many it wants, how many may leave in a second, when its first arrived. Answers how many may, and else
/// after how many milliseconds to ask again; and how many processes have some that wait.
const DEPART: &str = r"
local me, wanted, allowed, since = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = milliseconds()
local second, earlier, chance, before_more, ahead, kept = 1020, 200, 40, 6000, 3500, 7000
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
return {0, wait, others + 1}";

/// Notes what became of a call: that it stayed, or that DingTalk may have seen it late, or that DingTalk refused it: then what was admitted in
/// the second before is what is allowed from now on.
///
/// KEYS: as above. ARGV: the leave's name, what, by how many milliseconds it was late.
const NOTE_DEPARTURE: &str = r"
local now, kept = milliseconds(), 7000
if ARGV[2] == 'stayed' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
local at = (tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) or now) + ARGV[3]
redis.call('ZADD', KEYS[1], at, ARGV[1])
redis.call('PEXPIRE', KEYS[1], kept)
if ARGV[2] ~= 'refused' then return 0 end
redis.call('ZADD', KEYS[4], at, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - kept)
redis.call('PEXPIRE', KEYS[4], kept)
local since, together = at - 1020, at + 50
local admitted = redis.call('ZCOUNT', KEYS[1], since, together) - redis.call('ZCOUNT', KEYS[4], since, together)
local limit = tonumber(redis.call('HGET', KEYS[3], 'limit')) or admitted
redis.call('HSET', KEYS[3], 'limit', math.max(1, math.min(limit, admitted)), 'raised', now, 'step', 1)
if admitted <= 0 then redis.call('HSET', KEYS[3], 'paused', now + 1000) end
redis.call('PEXPIRE', KEYS[3], 600000)
return 0";
