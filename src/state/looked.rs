//! What can be seen of where state is kept, without opening it.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Access, access};

use super::database::{Found, folder_of, locked};
use super::{Location, Refused, SealingKeys, State, Unread, Vitals};

/// How state is kept. It is as it should be; otherwise there is an error instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// By each process for itself, until it ends.
    Memory,
    /// By the process that has the file open.
    InUse,
    /// In a file with this mode that nobody has open, whose rows can be read.
    File(u32),
    /// In a file that is yet to be made.
    NoFile,
    /// By Redis, for all processes.
    Redis(Vitals),
}

impl State {
    /// Looks, and changes nothing.
    pub async fn look(location: &Location, keys: &SealingKeys, now: u64) -> Result<Looked, Refused> {
        match location {
            Location::Memory => Ok(Looked::Memory),
            Location::File(path) => look_at(path, keys, now).map_err(|why| why.of(location)),
            Location::Redis(url) => {
                let seen = Vitals::at(url).await.map_err(|away| Unread::unusable(away).of(location));
                seen.map(Looked::Redis)
            }
        }
    }
}

fn look_at(path: &Path, keys: &SealingKeys, now: u64) -> Result<Looked, Unread> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return may_be_made(path),
        Err(error) => return Err(Unread::Unusable(error)),
    };
    let bytes = match locked(&mut file) {
        Err(Unread::InUse) => return Ok(Looked::InUse),
        bytes => bytes?,
    };
    let mode = file.metadata().map_err(Unread::Unusable)?.permissions().mode();
    // What takes time needs no lock: a server may start meanwhile.
    drop(file);
    Found::in_bytes(&bytes, keys, now)?;
    Ok(Looked::File(mode & 0o777))
}

/// Its folder is there, and this user's to write to.
fn may_be_made(path: &Path) -> Result<Looked, Unread> {
    access(folder_of(path), Access::WRITE_OK | Access::EXEC_OK).map_err(|error| Unread::Unusable(error.into()))?;
    Ok(Looked::NoFile)
}
