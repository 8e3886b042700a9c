//! State in a file: sealed rows in an embedded database. Only this module knows the database library.

use std::error::Error;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{Builder, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use super::Unread;
use super::journal::{Changes, Record, Store};
use super::sealing::{Name, SealingKeys};

const ROWS: TableDefinition<&Name, &[u8]> = TableDefinition::new("rows");

/// Sealed rows by their names.
type Rows = Vec<(Name, Vec<u8>)>;

/// Rows by name, each with its new content; None removes it.
type RowChanges = Vec<(Name, Option<Vec<u8>>)>;

/// Stores changes as sealed rows of a file.
pub(super) struct Database {
    /// None after an error of the disk: the next commit opens the file again.
    rows: Option<redb::Database>,
    /// The file, locked against other processes also while `rows` is None.
    file: File,
    path: PathBuf,
    keys: SealingKeys,
}

impl Store for Database {
    fn save(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        let sealed = changes.iter().map(|(thing, record)| {
            let name = self.keys.name(thing);
            let row = record.as_ref().and_then(|record| serde_json::to_vec(record).ok()).map(|row| self.keys.seal(&name, &row));
            (name, row)
        });
        Ok(self.commit(&sealed.collect())?)
    }
}

impl Database {
    /// Opens the file if all of it can be read, or creates it. Also returns the records that matter `now`, in Unix milliseconds.
    pub fn open(path: &Path, keys: SealingKeys, now: u64) -> Result<(Self, Vec<Record>), Unread> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).truncate(false).mode(0o600);
        let made = options.create_new(true).open(path);
        let is_new = made.is_ok();
        let mut file = match made {
            // No file is created through a link that leads nowhere: root may run this, and what root creates here is given away below.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => options.create_new(false).open(path),
            made => made,
        }
        .map_err(|error| Unread::of(error, path))?;
        let bytes = lock_and_read(&mut file)?;
        let found = Found::in_bytes(&bytes, &keys, now)?;
        if is_unfinished(&bytes) && !is_new {
            tracing::warn!(file = %path.display(), "nothing was stored in the state file yet, or it was emptied: it begins anew");
            file.set_len(0)?;
        }
        file.set_permissions(Permissions::from_mode(0o600))?;
        if is_new {
            // What root creates is given to the owner of the folder, so that the server can use it; nobody else can give files away.
            let _ = folder_of(path).metadata().and_then(|of| fchown(&file, Some(of.uid()), Some(of.gid())));
        }
        let rows = builder().create_file(file.try_clone()?).map_err(Unread::unusable)?;
        let mut database = Self { rows: Some(rows), file, path: path.to_owned(), keys };
        // They are stored now, since no caller could wait for them later.
        database.commit(&found.changes).map_err(Unread::unusable)?;
        Ok((database, found.records))
    }

    /// Changes all these rows, or none. They last when this returns.
    fn commit(&mut self, changes: &RowChanges) -> Result<(), redb::Error> {
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => self.open_again()?,
        };
        let committed = change(&rows, changes);
        if committed.is_ok() {
            self.rows = Some(rows);
        } else {
            // The library gives the lock up. If another process takes it first, the next commit fails, too.
            drop(rows);
            let _ = self.file.try_lock();
        }
        committed
    }

    /// Opens the same file, or the one that was put in its place.
    fn open_again(&mut self) -> Result<redb::Database, redb::Error> {
        let (ours, there) = (self.file.metadata()?, self.path.metadata()?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            self.file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        }
        Ok(builder().create_file(self.file.try_clone()?)?)
    }
}

fn change(rows: &redb::Database, changes: &RowChanges) -> Result<(), redb::Error> {
    let transaction = rows.begin_write()?;
    {
        let mut table = transaction.open_table(ROWS)?;
        for (name, row) in changes {
            match row {
                Some(row) => drop(table.insert(name, row.as_slice())?),
                None => drop(table.remove(name)?),
            }
        }
    }
    Ok(transaction.commit()?)
}

/// State is small. By default the library would take a gigabyte for its cache.
fn builder() -> Builder {
    const CACHE: usize = 4 * 1024 * 1024;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

/// How many milliseconds longer than stored an ended session is remembered when a file is opened. The clock may be up to a day ahead at
/// boot: ended sessions would look expired and be forgotten, and once the clock is right their cookies would be valid again.
const GRACE: u64 = 24 * 60 * 60 * 1000;

/// The content of a file.
#[derive(Default)]
pub(super) struct Found {
    /// The records that have not expired, or may not have.
    pub records: Vec<Record>,
    /// Expired rows are removed, and those that an older key has sealed are sealed anew.
    changes: RowChanges,
}

impl Found {
    /// Reads the bytes of a file, if our keys open all of its rows.
    pub fn in_bytes(bytes: &[u8], keys: &SealingKeys, now: u64) -> Result<Self, Unread> {
        let mut found = Self::default();
        for (name, row) in rehearse(bytes)? {
            let (row, is_newest) = keys.open(&name, &row).ok_or(Unread::Foreign)?;
            let mut record: Record = serde_json::from_slice(&row).map_err(|_| Unread::Newer)?;
            if record.table.ends_sessions() {
                record.until = record.until.saturating_add(GRACE);
            }
            let matters = record.until > now;
            if !matters || !is_newest {
                found.changes.push((name, None));
            }
            if matters && !is_newest {
                let name = keys.name(&record.thing());
                found.changes.push((name, Some(keys.seal(&name, &row))));
            }
            if matters {
                found.records.push(record);
            }
        }
        Ok(found)
    }
}

/// The folder in which a file is, or will be.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Locks a file, for as long as it is open, and then reads all of it.
pub(super) fn lock_and_read(file: &mut File) -> Result<Vec<u8>, Unread> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Unread::InUse,
        TryLockError::Error(error) => Unread::Unusable(error),
    })?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The magic number of the library's files.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

/// Whether a file was created and no more. The library makes it so long, writes a header into its first page, and last its magic number.
/// Meanwhile the process may have been killed, or the disk full.
fn is_unfinished(bytes: &[u8]) -> bool {
    const NEW: usize = 1_056_768;
    const PAGE: usize = 4096;
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    bytes.is_empty() || (bytes.len() == NEW && is_zero(&bytes[..MAGIC.len()]) && is_zero(&bytes[PAGE..]))
}

/// Reads all rows from a copy, which the library repairs after a kill. The file itself must not change unless all of it can be read.
fn rehearse(bytes: &[u8]) -> Result<Rows, Unread> {
    if is_unfinished(bytes) {
        return Ok(Rows::new());
    }
    if !bytes.starts_with(MAGIC) {
        return Err(Unread::Foreign);
    }
    // The library panics at some of what can be wrong with a file.
    let found = catch_unwind(AssertUnwindSafe(|| all_rows(bytes)));
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
        // The process was killed before its first commit.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
        rows => rows?,
    };
    rows.iter()?.map(|row| row.map(|(name, row)| (*name.value(), row.value().to_vec())).map_err(Into::into)).collect()
}
