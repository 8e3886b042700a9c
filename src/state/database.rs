//! The one place that knows the library which keeps state: rows in a file.

use std::error::Error;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{Builder, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use super::Location;
use super::journal::{self, Keeper};
use super::sealing::{Name, SealingKeys};

const ROWS: TableDefinition<&Name, &[u8]> = TableDefinition::new("rows");

/// Sealed rows by their names.
pub(super) type Rows = Vec<(Name, Vec<u8>)>;

/// What becomes of rows. None removes.
pub(super) type Changes = Vec<(Name, Option<Vec<u8>>)>;

/// Keeps changes as sealed rows.
pub(super) struct Kept {
    pub database: Database,
    pub keys: SealingKeys,
}

impl Keeper for Kept {
    fn keep(&mut self, changes: &journal::Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        let sealed = changes.iter().map(|(key, record)| {
            let name = self.keys.name(&key.to_bytes());
            let row = record.as_ref().and_then(|record| serde_json::to_vec(record).ok()).map(|row| self.keys.seal(&name, &row));
            (name, row)
        });
        Ok(self.database.commit(&sealed.collect())?)
    }
}

/// Keeps rows.
pub(super) struct Database {
    /// None after an error of the disk: then nothing works until the file is opened again.
    rows: Option<redb::Database>,
    path: PathBuf,
}

/// Why what is kept is not used. It was left as it is.
#[derive(Debug, thiserror::Error)]
#[error("{location}: {why}")]
pub struct Refused {
    location: String,
    /// What is wrong.
    pub why: Unread,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Files are locked while they are open.
    #[error("another process has it open, and a file is one process's: several need STATE_URL=redis://…")]
    InUse,
    /// It has another beginning, or none of our keys opens it.
    #[error(
        "this is not the state of this app under this SESSION_KEY. If it was, put the key it was written with behind the new \
         one; if not, name another file"
    )]
    Foreign,
    /// It has a kind of row that nobody here knows.
    #[error("a later version of this app has written it")]
    Newer,
    /// It has the beginning, and not the rest.
    #[error("it is torn: take it from a copy, or move it away and lose what it kept")]
    Torn,
    /// It cannot be read or written.
    #[error("{0}")]
    Unusable(io::Error),
}

impl Unread {
    pub(super) fn unusable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unusable(io::Error::other(error))
    }

    pub(super) fn of(self, location: &Location) -> Refused {
        Refused { location: location.to_string(), why: self }
    }
}

impl Database {
    /// Opens what is there, if `read` makes something of it, or begins anew.
    pub fn open<T>(path: &Path, read: impl FnOnce(Rows) -> Result<T, Unread>) -> Result<(Self, T), Unread> {
        let mut file = OpenOptions::new();
        let file = file.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = file.open(path).map_err(Unread::Unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Unread::InUse),
            Err(TryLockError::Error(error)) => return Err(Unread::Unusable(error)),
        }
        let found = read(rehearse(&mut file)?)?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(Unread::Unusable)?;
        let rows = builder().create_file(file).map_err(Unread::unusable)?;
        Ok((Self { rows: Some(rows), path: path.to_owned() }, found))
    }

    /// Changes all these rows, or none. They last when this returns.
    pub fn commit(&mut self, changes: &Changes) -> Result<(), redb::Error> {
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => builder().open(&self.path)?,
        };
        change(&rows, changes)?;
        self.rows = Some(rows);
        Ok(())
    }
}

fn change(rows: &redb::Database, changes: &Changes) -> Result<(), redb::Error> {
    let transaction = rows.begin_write()?;
    {
        let mut rows = transaction.open_table(ROWS)?;
        for (name, row) in changes {
            match row {
                Some(row) => drop(rows.insert(name, row.as_slice())?),
                None => drop(rows.remove(name)?),
            }
        }
    }
    Ok(transaction.commit()?)
}

/// State is small; the library would take a gigabyte.
fn builder() -> Builder {
    const CACHE: usize = 4 * 1024 * 1024;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

/// Opens a copy, and mends it after a kill, since whatever comes of that, the file itself must stay as it is unless all of it is good.
pub(super) fn rehearse(file: &mut File) -> Result<Rows, Unread> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Unread::Unusable)?;
    if bytes.is_empty() {
        return Ok(Rows::new());
    }
    // The library's own.
    if !bytes.starts_with(b"redb\x1A\x0A\xA9\x0D\x0A") {
        return Err(Unread::Foreign);
    }
    // The library panics at some of what can be wrong with a file.
    let found = catch_unwind(AssertUnwindSafe(|| all_rows(&bytes)));
    found.ok().and_then(Result::ok).ok_or(Unread::Torn)
}

fn all_rows(bytes: &[u8]) -> Result<Rows, redb::Error> {
    let copy = InMemoryBackend::new();
    copy.set_len(bytes.len() as u64)?;
    copy.write(0, bytes)?;
    let mut copy = builder().create_with_backend(copy)?;
    copy.check_integrity()?;
    let transaction = copy.begin_read()?;
    let rows = match transaction.open_table(ROWS) {
        // It was killed before it had any.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
        rows => rows?,
    };
    rows.iter()?.map(|row| row.map(|(name, row)| (*name.value(), row.value().to_vec())).map_err(Into::into)).collect()
}
