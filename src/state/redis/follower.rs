//! Keeps the connection up, reads what other processes publish, and reports to them that this one is alive.

use std::collections::HashSet;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redis::InfoDict;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, interval_at, sleep};

use super::super::followed::Tables;
use super::super::journal::{Record, Table};
use super::super::sealing::Name;
use super::link::{Away, Session, answer, connect};
use super::{Names, Redis, script};

/// The task that does this, for as long as its runtime exists.
pub(super) struct Follower {
    pub redis: Arc<Redis>,
    /// Weak, since the state that uses them owns them.
    pub tables: Weak<Tables>,
    /// Up to which entry each log was read, in `dataset`.
    pub until: [String; Table::FOLLOWED.len()],
    /// The names and the history of the data that was read.
    pub dataset: Option<(Names, String)>,
    /// While this process publishes all that it knows to a new dataset: the names of the things that are there already.
    pub already_there: Option<Arc<Mutex<HashSet<Name>>>>,
    /// Junk was found under our keys, so that what had been published there is lost.
    found_junk: bool,
    /// What is stored there incompletely, or sealed with an older key, and has to be written again.
    pub to_write: Vec<Record>,
}

impl Follower {
    /// How long it waits before it connects again.
    const PAUSE: Duration = Duration::from_millis(250);
    const BETWEEN_BEATS: Duration = Duration::from_secs(1);
    /// A connection that is lost sooner is not logged: a Redis that is nearly full, or is being replaced, comes and goes.
    const SETTLES: Duration = Duration::from_secs(2);
    /// How long one read waits for new entries.
    const WAITS: Duration = Duration::from_secs(1);

    async fn run(mut self) {
        let mut away_since = Instant::now();
        let mut logged: Option<Away> = None;
        loop {
            let began = Instant::now();
            let why = match self.set_up().await {
                Ok((session, reader)) => {
                    let seconds = away_since.elapsed().as_secs_f64();
                    let is_back = async {
                        sleep(Self::SETTLES).await;
                        logged = None;
                        tracing::info!(
                            away_seconds = seconds,
                            "redis is connected, and the changes of other processes are known"
                        );
                        pending().await
                    };
                    let why = tokio::select! {
                        why = self.stay(&session, reader) => why,
                        never = is_back => never,
                    };
                    // Otherwise it had not settled since it went away.
                    if logged.is_none() {
                        away_since = Instant::now();
                    }
                    why
                }
                Err(why) => why,
            };
            self.redis.link.set_away(why);
            self.found_junk |= why == Away::JUNK;
            if logged.replace(why) != Some(why) {
                tracing::warn!(
                    %why,
                    processes = self.redis.processes(),
                    "redis is away. Until it is back a logout ends the session in this process only and is delivered then; codes and \
                     login states are taken once in each process; credentials are each process's own; calls keep to one part of the limit"
                );
            }
            if began.elapsed() < Self::BETWEEN_BEATS {
                sleep(Self::PAUSE).await;
            }
        }
    }

    /// Connects, and reads all that was published until now. Returns the session, and one more connection to read with.
    async fn set_up(&mut self) -> Result<(Arc<Session>, MultiplexedConnection), Away> {
        let redis = Arc::clone(&self.redis);
        // A process that was never connected has published nothing that could be missing.
        let has_published = redis.link.was_up();
        let (mut commands, mut reader) = tokio::try_join!(connect(&redis.url), connect(&redis.url))?;
        let history = history(&mut commands).await?;
        let names = redis.agree_on_names(&mut commands).await?;
        redis.beat(&mut commands, &names, false).await?;
        let dataset = Some((names.clone(), history));
        // In the same dataset, reading goes on where it stopped.
        if self.dataset != dataset {
            self.until.fill("0-0".to_owned());
            self.dataset = dataset;
            self.already_there = has_published.then(Arc::default);
        }
        self.found_junk |= redis.clean(&mut commands, &names).await?;
        while self.read_on(&mut reader, &names, Duration::ZERO).await? {}
        // An attempt that failed has left some of what is read anew.
        self.to_write.clear();
        for table in Table::FOLLOWED.into_iter().filter(|table| table.lasts()) {
            self.read_kept(&mut reader, &names, table).await?;
        }
        // Dropped later, since the last owner waits for the journal, which waits for the session.
        let tables = self.tables.upgrade();
        // What the journal has may say less, and must not be stored first.
        let session = redis.link.set_up(commands, names, || self.write_again(tables.as_deref()));
        if self.found_junk {
            self.already_there = has_published.then(Arc::default);
            self.found_junk = false;
        }
        if self.already_there.is_some() {
            tracing::warn!(
                "the data in redis is gone, or may be older than it was: this process writes again what is missing there"
            );
        }
        if let Some(tables) = tables {
            tables.journal.try_now();
        }
        Ok((session, reader))
    }

    /// Gives `to_write` to the journal, which writes it if the connection is up.
    fn write_again(&mut self, tables: Option<&Tables>) {
        if let Some(tables) = tables {
            self.to_write.drain(..).for_each(|record| tables.journal.give(record.thing(), Some(record)));
        }
    }

    /// Follows until the connection fails. Returns why it did.
    async fn stay(&mut self, session: &Session, mut reader: MultiplexedConnection) -> Away {
        let redis = Arc::clone(&self.redis);
        let names = &session.names;
        let mut commands = session.connection.clone();
        let tables = self.tables.clone();
        let already_there = self.already_there.clone();
        let is_published = AtomicBool::new(false);
        let publish_again = async {
            if let Some(already_there) = already_there {
                while Tables::give_all(&tables, |thing| already_there.lock().contains(&names.of(thing))).await.is_err() {
                    sleep(Self::BETWEEN_BEATS).await;
                }
                is_published.store(true, Ordering::Relaxed);
            }
            pending().await
        };
        let follow = async {
            let mut looked = Instant::now();
            loop {
                self.write_again(self.tables.upgrade().as_deref());
                let mut read = self.read_on(&mut reader, names, Self::WAITS).await.map(drop);
                if read.is_ok() && looked.elapsed() >= Self::BETWEEN_BEATS {
                    looked = Instant::now();
                    read = self.check_for_loss(&mut reader, names).await;
                }
                if let Err(why) = read {
                    break why;
                }
            }
        };
        let beat = async {
            // The first was when the connection was set up.
            let began = Instant::now();
            let mut beats = interval_at(began + Self::BETWEEN_BEATS, Self::BETWEEN_BEATS);
            loop {
                beats.tick().await;
                if let Err(why) = redis.beat(&mut commands, names, began.elapsed() >= Redis::BELIEVED).await {
                    break why;
                }
            }
        };
        let why = tokio::select! {
            why = follow => why,
            why = beat => why,
            why = redis.link.until_lost() => why,
            why = publish_again => why,
        };
        // If not all was published again, the rest follows when Redis is back.
        if is_published.into_inner() {
            self.already_there = None;
        }
        why
    }
}

impl Redis {
    /// A process that has not reported for so long counts as ended.
    const BELIEVED: Duration = Duration::from_secs(5);
    /// In milliseconds. If the clock of Redis differs by more, that is logged.
    const SKEW_MS: u64 = 5000;

    /// Keeps the connection up from now on, and has `tables` learn what other processes tell.
    pub fn follow(self: &Arc<Self>, tables: &Arc<Tables>) {
        let follower = Follower {
            redis: Arc::clone(self),
            tables: Arc::downgrade(tables),
            until: Default::default(),
            dataset: None,
            already_there: None,
            found_junk: false,
            to_write: Vec::new(),
        };
        self.runtime.spawn(follower.run());
    }

    /// Takes this process out of those that are alive. Otherwise it would count for five seconds more, and for the whole of an outage that
    /// begins meanwhile.
    pub async fn sign_off(&self) {
        let gone = |names: &Names| {
            let mut gone = redis::cmd("ZREM");
            gone.arg(names.processes()).arg(&self.me);
            gone
        };
        // If Redis is away, it forgets this process by itself.
        let _ = self.link.ask::<()>(gone).await;
    }

    /// Reports that this process is alive, counts all processes, reads the time, and checks that the names are still the same. When Redis
    /// has just come back, other processes may not have reported yet: until `may_be_fewer`, the count does not fall.
    async fn beat(&self, commands: &mut MultiplexedConnection, names: &Names, may_be_fewer: bool) -> Result<(), Away> {
        let asked = Instant::now();
        let keys = [names.processes(), self.place_of_names(), names.key("longest life")];
        let args = (&self.me, Self::BELIEVED.as_millis() as u64, self.lifetime.as_millis() as u64);
        let beat = script(BEAT, &["zset", "string"], &keys, args);
        let (processes, unix_ms, sealed, longest): (usize, u64, Vec<u8>, u64) = answer(commands, &beat).await?;
        if self.open_names(&sealed)?.is_none_or(|(there, _)| there != *names) {
            return Err(Away("the data of this app was deleted or replaced"));
        }
        // Where the data is gone, a process with longer sessions may not have reported yet.
        let longest = if may_be_fewer { longest } else { longest.max(self.longest_life.load(Ordering::Relaxed)) };
        if self.longest_life.swap(longest, Ordering::Relaxed) < longest {
            let seconds = longest / 1000;
            tracing::warn!(
                seconds,
                "another process has, or had lately, this longer SESSION_LIFETIME: all of one app need the same"
            );
        }
        if may_be_fewer {
            self.processes.store(processes, Ordering::Relaxed);
        } else {
            self.processes.fetch_max(processes, Ordering::Relaxed);
        }
        let ahead = self.clock.go_by(unix_ms + asked.elapsed().as_millis() as u64 / 2);
        let differs = ahead.unsigned_abs() > Self::SKEW_MS;
        match (self.skew_told.swap(differs, Ordering::Relaxed), differs) {
            (false, true) => tracing::warn!(
                seconds = ahead / 1000,
                "the clock of redis is ahead of this machine's by so much: sessions go by that of redis, signatures by this machine's"
            ),
            (true, false) => tracing::info!("the clock of redis is right again: it is that of this machine"),
            _ => {}
        }
        Ok(())
    }
}

/// The id of the data's history in Redis. It changes after a restart and with another primary, whose data may be older. If INFO is not
/// allowed it is a random one, so that it changes with each connection. If the answer is late, that says nothing, and is an error.
async fn history(connection: &mut MultiplexedConnection) -> Result<String, Away> {
    let told = match answer::<InfoDict>(connection, redis::cmd("INFO").arg("replication")).await {
        Err(late) if late == Away::LATE => return Err(late),
        told => told.ok().and_then(|told| told.get("master_replid")),
    };
    Ok(told.unwrap_or_else(|| hex::encode(rand::random::<[u8; 8]>())))
}

const BEAT: &str = include_str!("lua/beat.lua");
