//! Changes of a followed table, such as ended sessions, are published in a log (a Redis stream), which every process reads.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::Cmd;
use redis::aio::MultiplexedConnection;

use super::super::journal::{Changes, Record, Store, Table};
use super::super::remembered::Learnt;
use super::super::sealing::{Name, Opened};
use super::follower::Follower;
use super::link::{ANSWER_TIMEOUT, Away, answer, in_time};
use super::{Names, Redis, script};

/// How old entries become in the log of a table that is stored for good as well.
const NEWS: Duration = Duration::from_secs(24 * 60 * 60);
/// How many records one script publishes: few enough to be done long before the answer is given up.
const AT_ONCE: usize = 100;

/// The key of the log of a table.
fn log_key(names: &Names, table: Table) -> String {
    names.key(&format!("log {table:?}"))
}

/// The key of the hash that stores a table for good.
fn kept_key(names: &Names, table: Table) -> String {
    names.key(&format!("kept {table:?}"))
}

/// How old the entries of a table's log become, in milliseconds, if sessions live for `lifetime`.
fn life_of_log(table: Table, lifetime: Duration) -> u64 {
    let life = if table.lasts() { NEWS } else { table.kept_for(lifetime) };
    life.as_millis() as u64
}

impl Redis {
    /// Deletes values of another type under the keys of logs and hashes. Returns whether there were any.
    pub(super) async fn clean(&self, commands: &mut MultiplexedConnection, names: &Names) -> Result<bool, Away> {
        let logs = Table::FOLLOWED.map(|table| ("stream", log_key(names, table)));
        let kept = Table::FOLLOWED.into_iter().filter(|table| table.lasts()).map(|table| ("hash", kept_key(names, table)));
        let (kinds, keys): (Vec<_>, Vec<_>) = logs.into_iter().chain(kept).unzip();
        let junk: usize = answer(commands, &script(CLEAN, &kinds, &keys, "")).await?;
        Ok(junk > 0)
    }
}

/// Publishes changes to all processes.
pub(in crate::state) struct Publisher(pub Arc<Redis>);

impl Publisher {
    async fn publish(&self, table: Table, records: &[&Record]) -> Result<(), Away> {
        self.0.link.ask(|names| self.publish_command(names, table, records)).await
    }

    /// Publishes all tables at the same time, since callers wait for half a second at most.
    fn publish_all(&self, told: &[(Table, Vec<&Record>)]) -> Result<(), Away> {
        for nth in 0.. {
            let some = told.iter().filter_map(|(table, records)| Some((*table, records.chunks(AT_ONCE).nth(nth)?)));
            let publishing: Vec<_> = some.map(|(table, records)| self.publish(table, records)).collect();
            if publishing.is_empty() {
                break;
            }
            self.0.runtime.block_on(try_join_all(publishing))?;
        }
        Ok(())
    }

    fn publish_command(&self, names: &Names, table: Table, records: &[&Record]) -> Cmd {
        let mut keys = vec![log_key(names, table)];
        if table.lasts() {
            keys.push(kept_key(names, table));
        }
        let life = life_of_log(table, self.0.longest_life());
        let mut tell = script(TELL, &["stream", "hash"], &keys, life);
        // Another process may have longer sessions than this one.
        let longer = if table.ends_sessions() { self.0.longest_life().saturating_sub(self.0.lifetime) } else { Duration::ZERO };
        let latest = self.0.clock.unix_millis().saturating_add(life);
        for record in records {
            // A record that was read back has been prolonged already.
            let until = record.until.saturating_add(longer.as_millis() as u64).min(latest).max(record.until);
            let record = Record { until, ..(*record).clone() };
            let name = names.of(&record.thing());
            let sealed = self.0.keys.seal_framed(&name, &serde_json::to_vec(&record).unwrap_or_default());
            tell.arg(&name[..]).arg(sealed);
        }
        tell
    }
}

impl Store for Publisher {
    fn save(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        let told = Table::FOLLOWED.map(|table| {
            let records: Vec<_> = changes.values().flatten().filter(|record| record.table == table).collect();
            (table, records)
        });
        // A process that knows the id of an event acknowledges it unread: what the event changes must be published before its id.
        let (heard, meant): (Vec<_>, Vec<_>) = told.into_iter().partition(|(table, _)| *table == Table::Events);
        self.publish_all(&meant)?;
        Ok(self.publish_all(&heard)?)
    }
}

/// Answers how much junk `library.lua` has deleted. KEYS: all logs, and all hashes that store a table for good.
const CLEAN: &str = "return junk";

const TELL: &str = include_str!("lua/tell.lua");
const LOST: &str = include_str!("lua/lost.lua");

/// The name of a thing, and its sealed record.
type Named = (Vec<u8>, Vec<u8>);

/// An entry of a log: its id in the stream, and its records.
type Entry = (String, Vec<Named>);

/// A log, and what is new in it.
type News = (String, Vec<Entry>);

/// Where a record was read.
#[derive(Clone, Copy)]
enum Source {
    /// Where the table is stored for good.
    Kept,
    /// In the log, before that.
    Log,
    /// In the log, after that.
    News,
}

impl Follower {
    /// How many entries are read at once, so that no read takes long.
    const AT_ONCE: usize = 500;

    /// Reads a table that is stored for good.
    pub(super) async fn read_kept(
        &mut self,
        reader: &mut MultiplexedConnection,
        names: &Names,
        table: Table,
    ) -> Result<(), Away> {
        let key = kept_key(names, table);
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(&key).arg(cursor).arg("COUNT").arg(Self::AT_ONCE);
            let (next, found): (u64, Vec<Named>) = answer(reader, &scan).await?;
            self.learn(names, table, &found, Source::Kept);
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Reads the next entries of all logs. If there are none it waits for some, but only for `wait`: a connection on which nothing comes
    /// may be dead. Returns whether there were any.
    pub(super) async fn read_on(
        &mut self,
        reader: &mut MultiplexedConnection,
        names: &Names,
        wait: Duration,
    ) -> Result<bool, Away> {
        let logs = Table::FOLLOWED.map(|table| log_key(names, table));
        let from = if wait.is_zero() { Source::Log } else { Source::News };
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(Self::AT_ONCE);
        // In Redis, BLOCK 0 means for ever.
        if !wait.is_zero() {
            read.arg("BLOCK").arg(wait.as_millis() as u64);
        }
        read.arg("STREAMS").arg(&logs).arg(&self.until);
        let told: Option<Vec<News>> = in_time(wait + ANSWER_TIMEOUT, read.query_async(reader)).await?;
        for (log, entries) in told.iter().flatten() {
            let Some(nth) = logs.iter().position(|known| known == log) else { continue };
            for (place, told) in entries {
                self.learn(names, Table::FOLLOWED[nth], told, from);
                self.until[nth].clone_from(place);
            }
        }
        Ok(told.is_some())
    }

    /// An error if a log lacks the last entry that was read from it, although that is not old: older data has replaced what was there, or
    /// the log was deleted. Then all is read again, and what is missing is written again.
    pub(super) async fn check_for_loss(&mut self, reader: &mut MultiplexedConnection, names: &Names) -> Result<(), Away> {
        const SOON: u64 = 60_000;
        let now = self.redis.clock.unix_millis();
        let lasts = |(table, place): &(Table, &String)| {
            let since = place.split('-').next().and_then(|millis| millis.parse::<u64>().ok()).unwrap_or_default();
            // However long the sessions of others live, its entries live for as long as ours.
            since.saturating_add(life_of_log(*table, self.redis.lifetime)) > now.saturating_add(SOON)
        };
        let read = Table::FOLLOWED.into_iter().zip(&self.until).filter(lasts);
        let (logs, places): (Vec<_>, Vec<_>) = read.map(|(table, place)| (log_key(names, table), place)).unzip();
        let lost: usize = answer(reader, &script(LOST, &["stream"], &logs, places)).await?;
        if lost > 0 {
            self.dataset = None;
            return Err(Away("what was published there is gone"));
        }
        Ok(())
    }

    /// Learns records; junk, and what other versions wrote, is skipped. What is stored for good is written again if it says less than is
    /// known: somebody who knew less has written it. A log needs no such repair: it has all entries.
    fn learn(&mut self, names: &Names, table: Table, told: &[Named], from: Source) {
        let Some(tables) = self.tables.upgrade() else { return };
        for named in told {
            let Some((name, record, is_newest)) = self.opened(names, table, named) else { continue };
            match (tables.learn(&record), from) {
                (Learnt::Less(all), Source::Kept | Source::News) if table.lasts() => self.to_write.push(all),
                // News is not sealed anew: processes that disagree about which key is the newest would do that for ever.
                (Learnt::All, Source::Kept) if !is_newest => self.to_write.push(record),
                (Learnt::All, _) => {
                    if let Some(stored) = &self.already_there {
                        stored.lock().insert(name);
                    }
                }
                (Learnt::Less(_) | Learnt::Nothing, _) => {}
            }
        }
    }

    /// The name of a thing, its record, and whether the newest key has sealed it. None: it is not ours, or broken.
    fn opened(&self, names: &Names, table: Table, (name, sealed): &Named) -> Option<(Name, Record, bool)> {
        let name = name.as_slice().try_into().ok()?;
        let Opened::Good { plain, is_newest } = self.redis.keys.open_framed(&name, sealed) else { return None };
        let record: Record = serde_json::from_slice(&plain).ok()?;
        let is_its_own = record.table == table && names.of(&record.thing()) == name;
        is_its_own.then_some((name, record, is_newest))
    }
}
