//! From one process to several: copies the state of a file to Redis, where all processes reach it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::claim::settling;
use super::database::{Found, lock_and_read};
use super::journal::{Record, Table};
use super::remembered::Learnt;
use super::{NotStored, SealingKeys, State};

impl State {
    const TIMEOUT: Duration = Duration::from_secs(30);
    const AT_ONCE: usize = 500;

    /// Takes over all records of the file at `path`. The process that used the file must have ended. Returns how many records there were;
    /// taking them over again changes nothing.
    pub async fn take_over(&self, path: &Path, keys: SealingKeys) -> anyhow::Result<usize> {
        const AWAY: &str = "the state that is to take it over is away, or cannot keep it";
        let now = self.clock.unix_millis();
        let named = || format!("the file {}", path.display());
        // Stays open, and so locked, until this function returns.
        let opened = File::options().read(true).write(true).open(path);
        let mut file = opened.map_err(|error| io::Error::from(error.kind())).with_context(named)?;
        ensure!(file.metadata()?.is_file(), "{} is no file of state", path.display());
        let found = lock_and_read(&mut file).and_then(|bytes| Found::in_bytes(&bytes, &keys, now)).with_context(named)?;
        let (followed, taken): (Vec<_>, Vec<_>) =
            found.records.into_iter().partition(|record| Table::FOLLOWED.contains(&record.table));
        let count = followed.len() + taken.len();
        for record in followed {
            let all = match self.tables.learn(&record) {
                Learnt::Less(all) => all,
                Learnt::All | Learnt::Nothing => record,
            };
            self.tables.journal.give(all.thing(), Some(all));
        }
        for some in taken.chunks(Self::AT_ONCE) {
            let left = |record: &Record| Duration::from_millis(record.until.saturating_sub(now).max(1));
            let used: Vec<_> = some.iter().map(|record| (record.thing(), left(record))).collect();
            let redis = self.redis.as_ref().ok_or(NotStored).context(AWAY)?;
            redis.link.ask::<()>(|names| settling(names, "", &used)).await.map_err(|_| NotStored).context(AWAY)?;
        }
        self.kept_within(Self::TIMEOUT).await.context(AWAY)?;
        Ok(count)
    }
}
