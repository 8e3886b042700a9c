//! What ends, and what is heard, is told to all processes by a log for each kind, which each of them follows.

use std::error::Error;
use std::sync::Arc;

use redis::Pipeline;

use super::super::journal::{Changes, Keeper};
use super::super::record::{Key, Record, Table};
use super::super::sealing::{Opened, SealingKeys};
use super::names::Names;
use super::{Redis, scripts};
use crate::state::Lives;

/// How old entries of a log become whose things are kept for good besides.
const NEWS_MS: u64 = 24 * 60 * 60 * 1000;
/// So many at once as are told long before anybody gives the answer up.
const AT_ONCE: usize = 100;

/// The log of one kind of thing.
pub(super) fn log_key(names: &Names, table: Table) -> String {
    names.key(format!("log {table:?}").as_bytes())
}

/// Where things of a kind that lasts are kept.
pub(super) fn kept_key(names: &Names, table: Table) -> String {
    names.key(format!("kept {table:?}").as_bytes())
}

/// Tells all processes of changes.
pub(in crate::state) struct Teller {
    pub redis: Arc<Redis>,
    pub lives: Lives,
}

impl Teller {
    fn telling(&self, names: &Names, told: &[(&Key, &Record)]) -> Pipeline {
        let mut pipeline = redis::pipe();
        for (key, record) in told {
            let log = log_key(names, key.table);
            let keys = if key.table.lasts() { vec![log, kept_key(names, key.table)] } else { vec![log] };
            let name = names.of(&key.to_bytes());
            let sealed = self.redis.keys.seal_framed(&name, &serde_json::to_vec(record).unwrap_or_default());
            pipeline.cmd("EVAL").arg(scripts::TELL).arg(keys.len()).arg(keys);
            pipeline.arg(self.lives_ms(key.table)).arg(&name[..]).arg(sealed).ignore();
        }
        pipeline
    }

    fn lives_ms(&self, table: Table) -> u64 {
        if table.lasts() { NEWS_MS } else { table.kept_for(self.lives).as_millis() as u64 }
    }
}

impl Keeper for Teller {
    fn keep(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        let changed = changes.iter().filter_map(|(key, record)| Some((key, record.as_ref()?)));
        let told: Vec<_> = changed.filter(|(key, _)| Table::FOLLOWED.contains(&key.table)).collect();
        for some in told.chunks(AT_ONCE) {
            self.redis.runtime.block_on(self.redis.link.ask::<()>(|names| self.telling(names, some)))?;
        }
        Ok(())
    }
}

/// What an entry tells, and whether the newest key has sealed it. None: it is not ours, or not whole.
pub(super) fn opened(keys: &SealingKeys, names: &Names, table: Table, name: &[u8], sealed: &[u8]) -> Option<(Record, bool)> {
    let name = name.try_into().ok()?;
    let Opened::Good { plain, is_newest } = keys.open_framed(&name, sealed) else { return None };
    let record: Record = serde_json::from_slice(&plain).ok()?;
    let is_its_own = record.table == table && names.of(&record.name().to_bytes()) == name;
    is_its_own.then_some((record, is_newest))
}
