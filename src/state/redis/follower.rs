//! Keeps the connection up, follows what other processes tell, and tells them that this one is there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, interval, sleep};

use super::super::followed::Tables;
use super::super::record::Table;
use super::link::{ANSWER, Away, answer, connect, in_time};
use super::log::{kept_key, log_key, opened};
use super::names::Names;
use super::vitals::history;
use super::{Redis, script};

/// Never goes away.
pub(super) struct Follower {
    pub redis: Arc<Redis>,
    /// Whoever uses them keeps them.
    pub tables: Weak<Tables>,
    /// Once is enough.
    pub skew_told: AtomicBool,
}

/// Where the logs were read until, of which data, and the names that they had.
#[derive(Default)]
struct Read {
    names: Option<Names>,
    history: String,
    until: HashMap<Table, String>,
}

/// A thing's name, and what it is, sealed.
type Named = (Vec<u8>, Vec<u8>);

/// An entry of a log: its place, and what it tells.
type Entry = (String, Vec<Named>);

/// A log, and what is new in it.
type News = (String, Vec<Entry>);

impl Follower {
    /// Before it is tried again.
    const PAUSE: Duration = Duration::from_millis(250);
    const BETWEEN_BEATS: Duration = Duration::from_secs(1);
    /// For news.
    const WAITS: Duration = Duration::from_secs(1);
    /// A process that is not heard of for so long is gone.
    const BELIEVED: Duration = Duration::from_secs(5);
    /// So many entries at once, so that none waits for long.
    const AT_ONCE: usize = 500;
    /// A clock that differs by more is told.
    const SKEW_MS: u64 = 5000;

    pub async fn run(self) {
        let (mut read, mut away_since, mut told) = (Read::default(), Some(Instant::now()), None);
        loop {
            let began = Instant::now();
            let why = match self.set_up(&mut read).await {
                Ok((names, commands, reader)) => {
                    self.tell_back(away_since.take());
                    told = None;
                    self.stay(&names, &mut read.until, commands, reader).await
                }
                Err(why) => why,
            };
            self.redis.link.set_away(&why);
            if told.as_ref() != Some(&why) {
                self.tell_away(&why);
                told = Some(why);
            }
            away_since.get_or_insert_with(Instant::now);
            if began.elapsed() < Self::BETWEEN_BEATS {
                sleep(Self::PAUSE).await;
            }
        }
    }

    /// A session, with all that was told until now known, and one connection more to read with.
    async fn set_up(&self, read: &mut Read) -> Result<(Names, MultiplexedConnection, MultiplexedConnection), Away> {
        let (mut commands, mut reader) = tokio::try_join!(connect(&self.redis.client), connect(&self.redis.client))?;
        // Whoever may not ask for it still notices that the names are others.
        let history = history(&mut commands).await.unwrap_or_default();
        let names = self.agree_on_names(&mut commands).await?;
        self.beat(&mut commands, &names, false).await?;
        let is_other = read.names.as_ref().is_some_and(|known| *known != names || read.history != history);
        if is_other {
            read.until.clear();
        }
        for table in Table::FOLLOWED.into_iter().filter(|table| table.lasts()) {
            self.read_kept(&mut reader, &names, table).await?;
        }
        while self.read_on(&mut reader, &names, &mut read.until, Duration::ZERO).await? {}
        self.redis.link.set_up(commands.clone(), names.clone());
        let tables = self.tables.upgrade();
        if is_other {
            tracing::warn!("what lay in redis is gone, or may be older than it was: this process tells again what it knows");
            tables.iter().for_each(|tables| tables.give_all());
        }
        // Not before: what is given up half way through finds them as different as before.
        (read.names, read.history) = (Some(names.clone()), history);
        tables.iter().for_each(|tables| tables.journal.try_now());
        Ok((names, commands, reader))
    }

    /// Follows until something goes wrong.
    async fn stay(
        &self,
        names: &Names,
        until: &mut HashMap<Table, String>,
        mut commands: MultiplexedConnection,
        mut reader: MultiplexedConnection,
    ) -> Away {
        let follow = async {
            loop {
                if let Err(why) = self.read_on(&mut reader, names, until, Self::WAITS).await {
                    break why;
                }
            }
        };
        let beat = async {
            let (began, mut beats) = (Instant::now(), interval(Self::BETWEEN_BEATS));
            loop {
                beats.tick().await;
                match self.beat(&mut commands, names, began.elapsed() >= Self::BELIEVED).await {
                    Ok(true) => {}
                    Ok(false) => break Away("what lay there is gone".to_owned()),
                    Err(why) => break why,
                }
            }
        };
        tokio::select! {
            why = follow => why,
            why = beat => why,
            why = self.redis.link.is_lost() => why,
        }
    }

    /// The names that lie there, or new ones if there are none that anybody could use.
    async fn agree_on_names(&self, commands: &mut MultiplexedConnection) -> Result<Names, Away> {
        const NOWHERE: &[u8] = b"\0";
        let mut found = self.replace_names(commands, NOWHERE, NOWHERE).await?;
        for _ in 0..3 {
            let mine = match Names::open(&self.redis.prefix, &self.redis.keys, &found)? {
                Some((names, true)) => return Ok(names),
                Some((names, false)) => names,
                None => Names::new(&self.redis.prefix),
            };
            found = self.replace_names(commands, &found, &mine.sealed(&self.redis.keys)).await?;
        }
        Err(Away("its names keep changing".to_owned()))
    }

    /// Puts `new` where `old` is, if it is still there. What is there then.
    async fn replace_names(&self, commands: &mut MultiplexedConnection, old: &[u8], new: &[u8]) -> Result<Vec<u8>, Away> {
        answer(commands, &script(REPLACE, &[Names::place(&self.redis.prefix)], (old, new))).await
    }

    /// Tells that this process is there, and asks for the time. Whether the names are still the same. Others that come back with Redis may
    /// not have told yet that they are there: until they had time to, there are no fewer than before.
    async fn beat(&self, commands: &mut MultiplexedConnection, names: &Names, may_be_fewer: bool) -> Result<bool, Away> {
        let asked = Instant::now();
        let keys = [names.key(b"processes"), Names::place(&self.redis.prefix)];
        let beat = script(BEAT, &keys, (&self.redis.me, Self::BELIEVED.as_millis() as u64));
        let (processes, unix_ms, sealed): (usize, u64, Vec<u8>) = answer(commands, &beat).await?;
        let there = Names::open(&self.redis.prefix, &self.redis.keys, &sealed)?;
        let is_same = there.is_some_and(|(there, _)| there == *names);
        if may_be_fewer && is_same {
            self.redis.processes.store(processes, Ordering::Relaxed);
        } else {
            self.redis.processes.fetch_max(processes, Ordering::Relaxed);
        }
        let ahead = self.redis.clock.go_by(unix_ms + asked.elapsed().as_millis() as u64 / 2);
        if ahead.unsigned_abs() > Self::SKEW_MS && !self.skew_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                seconds = ahead / 1000,
                "the clock of redis is ahead of this machine's by so much: sessions go by that of redis, signatures by this machine's"
            );
        }
        Ok(is_same)
    }

    async fn read_kept(&self, reader: &mut MultiplexedConnection, names: &Names, table: Table) -> Result<(), Away> {
        let (key, mut cursor) = (kept_key(names, table), 0_u64);
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(&key).arg(cursor).arg("COUNT").arg(Self::AT_ONCE);
            let (next, found): (u64, Vec<Named>) = answer(reader, &scan).await?;
            self.learn(names, table, &found, false);
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Reads on in all logs; where there is no more, waits for it, but not for long: a connection on which nothing comes may be dead.
    /// Whether there was more.
    async fn read_on(
        &self,
        reader: &mut MultiplexedConnection,
        names: &Names,
        until: &mut HashMap<Table, String>,
        wait: Duration,
    ) -> Result<bool, Away> {
        let logs: Vec<_> = Table::FOLLOWED.iter().map(|table| (*table, log_key(names, *table))).collect();
        let (keys, from): (Vec<_>, Vec<_>) =
            logs.iter().map(|(table, log)| (log, until.get(table).map_or("0-0", String::as_str))).unzip();
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(Self::AT_ONCE);
        // There, no time at all is for ever.
        if !wait.is_zero() {
            read.arg("BLOCK").arg(wait.as_millis() as u64);
        }
        read.arg("STREAMS").arg(keys).arg(from);
        let told: Option<Vec<News>> = in_time(wait + ANSWER, read.query_async(reader)).await?;
        for (log, entries) in told.iter().flatten() {
            let Some((table, _)) = logs.iter().find(|(_, known)| known == log) else { continue };
            for (place, told) in entries {
                self.learn(names, *table, told, true);
                until.insert(*table, place.clone());
            }
        }
        Ok(told.is_some())
    }

    /// Junk and what other versions write is left where it is. What is kept for good and an older key has sealed is sealed anew, which is
    /// not for news: processes that disagree about the newest key would never end.
    fn learn(&self, names: &Names, table: Table, told: &[Named], is_news: bool) {
        let Some(tables) = self.tables.upgrade() else { return };
        for (name, sealed) in told {
            let Some((record, is_newest)) = opened(&self.redis.keys, names, table, name, sealed) else { continue };
            if !is_newest && !is_news {
                tables.journal.give(record.name(), Some(record.clone()));
            }
            tables.learn(&record);
        }
    }

    fn tell_back(&self, away_since: Option<Instant>) {
        let seconds = away_since.map(|since| since.elapsed().as_secs_f64());
        tracing::info!(away_seconds = seconds, "redis is there, and what other processes have told is known");
    }

    fn tell_away(&self, why: &Away) {
        tracing::warn!(
            %why,
            parts = self.redis.processes(),
            "redis is away. Until it is back a logout ends the session in this process only and is delivered then; codes and login states \
             are taken once in each process; credentials are each process's own; calls keep to one part of the limit"
        );
    }
}

/// KEYS: where; ARGV: what was found there, what is to be there.
const REPLACE: &str = r"
keep_only('string', KEYS[1])
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1]) or ''";

/// Tells that a process is there. KEYS: the processes, the secret of the names. ARGV: which, for how many milliseconds it is believed.
/// Answers how many there are, what time it is in milliseconds, and the secret. Those that were told of before the clock was set back, and
/// so lie ahead, are forgotten.
const BEAT: &str = r"
keep_only('zset', KEYS[1])
local now = milliseconds()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local names = redis.call('TYPE', KEYS[2]).ok == 'string' and redis.call('GET', KEYS[2]) or ''
return {redis.call('ZCARD', KEYS[1]), now, names}";
