//! Where state is stored, and what can be learnt about it without changing it.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, io};

use redis::{Client, InfoDict};
use rustix::fs::{Access, access};
use secrecy::{ExposeSecret, SecretString};

use super::database::{Found, folder_of, lock_and_read};
use super::redis::{Away, Redis, answer, connect};
use super::{SealingKeys, State};
use crate::dingtalk::Clock;

/// Where state is kept, as STATE_URL says it.
#[derive(Debug, Clone)]
pub enum Location {
    /// `memory:`: it ends with the process.
    Memory,
    /// `file:PATH`: it outlives the process, and is one process's.
    File(PathBuf),
    /// `redis://…` or `rediss://…`, perhaps with a password: several processes share it.
    Redis(SecretString),
}

impl fmt::Display for Location {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Redis(url) => {
                let scheme = url.expose_secret().split(':').next().unwrap_or_default();
                let address = Client::open(url.expose_secret()).map(|client| client.get_connection_info().addr().to_string());
                write!(f, "{scheme}://{}", address.unwrap_or_default())
            }
        }
    }
}

impl Location {
    /// Reads STATE_URL. The error says what is wrong with it.
    pub fn parse(url: &SecretString) -> Result<Self, &'static str> {
        match url.expose_secret().split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("file", path)) if path.ends_with('/') || path.is_empty() => Err("file: is followed by the path of a file"),
            Some(("file", path)) if path.starts_with("///") => Ok(Self::File(path[2..].into())),
            Some(("file", path)) if path.starts_with("//") => {
                Err("file: takes a path and no host, such as file:/var/lib/app/state")
            }
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("redis" | "rediss", rest)) => {
                // In a password that is not encoded, one of these ends the authority of the URL, and what stands before it would be taken
                // for a host.
                let is_split =
                    rest.trim_start_matches('/').split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@'));
                if !is_split && rest.contains('#') {
                    return Err("nothing may follow `#`: certificates are always checked");
                }
                // The library's own message may quote the URL.
                if is_split || Client::open(url.expose_secret()).is_err() {
                    return Err(
                        "it is no URL of Redis, such as redis://:password@localhost:6379/0, in which odd characters of the password are percent-encoded",
                    );
                }
                Ok(Self::Redis(url.clone()))
            }
            _ => Err("it is none of memory:, file:PATH, redis://… and rediss://…"),
        }
    }
}

/// Why stored state cannot be used. It was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Files are locked while they are open.
    #[error("another process has it open, and a file is one process's: several need STATE_URL=redis://…")]
    InUse,
    /// The file does not begin as ours do, or none of our keys opens it.
    #[error(
        "this is not the state of this app under this SESSION_KEY. If it was, put the key it was written with behind the new \
         one, for one start at least; if not, name another file"
    )]
    Foreign,
    /// The file has a row that this version cannot read.
    #[error("a later version of this app has written it")]
    Newer,
    /// The file begins as ours do, but the rest is damaged.
    #[error("it is torn: take it from a copy, or move it away and lose what it kept")]
    Torn,
    /// Nothing is where the link leads, and nothing is made there.
    #[error("it is a link that leads nowhere: mount or make what it leads to")]
    Dangling,
    /// It cannot be read or written.
    #[error(transparent)]
    Unusable(#[from] io::Error),
}

impl Unread {
    /// Why the file at `path` cannot be opened.
    pub(super) fn of(error: io::Error, path: &Path) -> Self {
        let is_dangling = error.kind() == io::ErrorKind::NotFound && path.is_symlink();
        if is_dangling { Self::Dangling } else { Self::Unusable(error) }
    }

    pub(super) fn unusable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unusable(io::Error::other(error))
    }
}

/// How state is stored, if nothing is wrong with it; otherwise [`State::look`] returns an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageStatus {
    /// In the memory of each process, until it ends.
    Memory,
    /// In a file that a process has open.
    InUse,
    /// In a file with this mode that nobody has open, whose rows can be read.
    File(u32),
    /// In a file that is yet to be made.
    NoFile,
    /// By Redis, for all processes.
    Redis(Vitals),
}

impl State {
    /// Checks the stored state, and changes nothing. `now` is in Unix milliseconds.
    pub async fn look(location: &Location, keys: &SealingKeys, now: u64) -> Result<StorageStatus, Unread> {
        match location {
            Location::Memory => Ok(StorageStatus::Memory),
            Location::File(path) => look_at(path, keys, now),
            Location::Redis(url) => Vitals::at(url).await.map(StorageStatus::Redis).map_err(Unread::unusable),
        }
    }

    /// Whether a server of `app` with these `keys` could work with the Redis at `location`: writes an entry there and removes it.
    pub async fn try_out(location: &Location, app: &str, keys: SealingKeys) -> Result<(), Unread> {
        let Location::Redis(url) = location else { return Ok(()) };
        let (redis, _until) = Redis::new(url.clone(), app, keys, Duration::ZERO, Clock::system())?;
        redis.try_out().await.map_err(Unread::unusable)
    }
}

fn look_at(path: &Path, keys: &SealingKeys, now: u64) -> Result<StorageStatus, Unread> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            // Its folder must exist, and this user must be allowed to write to it.
            access(folder_of(path), Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)?;
            return Ok(StorageStatus::NoFile);
        }
        file => file.map_err(|error| Unread::of(error, path))?,
    };
    let bytes = match lock_and_read(&mut file) {
        Err(Unread::InUse) => return Ok(StorageStatus::InUse),
        bytes => bytes?,
    };
    let mode = file.metadata()?.permissions().mode();
    // Reading the rows takes time and needs no lock: a server may start meanwhile.
    drop(file);
    Found::in_bytes(&bytes, keys, now)?;
    Ok(StorageStatus::File(mode & 0o777))
}

/// What a Redis that answers says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Such as 7.0.15; empty where INFO is not allowed.
    pub version: String,
    /// How long an answer took.
    pub latency: Duration,
    /// What time it is there, in Unix milliseconds: sessions go by that.
    pub unix_ms: u64,
    /// Its eviction policy, if its memory is limited and it evicts anything: it could evict logouts.
    pub evicts: Option<String>,
}

impl Vitals {
    /// Asks once, on a connection of its own.
    async fn at(url: &SecretString) -> Result<Self, Away> {
        let mut connection = connect(url).await?;
        let asked = Instant::now();
        // The server does not need INFO, so it may be forbidden.
        let told: Option<InfoDict> = answer(&mut connection, &redis::cmd("INFO")).await.ok();
        let latency = asked.elapsed();
        let (seconds, micros): (u64, u64) = answer(&mut connection, &redis::cmd("TIME")).await?;
        let unix_ms = seconds * 1000 + micros / 1000;
        let said = |name| told.as_ref().and_then(|told| told.get::<String>(name));
        let is_bounded = said("maxmemory").is_some_and(|bytes| bytes != "0");
        let evicts = said("maxmemory_policy").filter(|policy| is_bounded && policy != "noeviction");
        Ok(Self { version: said("redis_version").unwrap_or_default(), latency, unix_ms, evicts })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_told_of_redis_is_where_it_is_and_no_password() {
        for (url, shown) in [
            ("redis://:canary@redis.internal/0", "redis://redis.internal:6379"),
            ("rediss://somebody:canary@10.0.0.1:6380", "rediss://10.0.0.1:6380"),
        ] {
            let location = Location::parse(&url.into()).unwrap();
            assert_eq!(location.to_string(), shown);
            assert!(!format!("{location:?}").contains("canary"));
        }
    }

    #[test]
    fn a_password_that_must_be_encoded_is_not_taken_for_a_host() {
        for odd in ["2024#x", "2024?x", "2024/1", "2024/1?x", "a#b/c?d"] {
            for url in [format!("redis://:{odd}@redis.internal"), format!("rediss://default:{odd}@redis.internal:6379/0")] {
                let refused = Location::parse(&url.into()).unwrap_err();
                assert!(refused.contains("percent-encoded") && !refused.contains("2024"), "{refused}");
            }
        }
        assert!(Location::parse(&"redis://default:2024%23x@redis.internal/1".into()).is_ok());
        assert!(Location::parse(&"rediss://redis.internal/0#insecure".into()).is_err());
    }

    #[test]
    fn state_is_in_memory_or_in_a_file() {
        let parse = |url: &str| Location::parse(&url.into());
        assert!(matches!(parse("memory:"), Ok(Location::Memory)));
        for (url, path) in [
            ("file:/var/lib/app/state", "/var/lib/app/state"),
            ("file:///var/lib/app/state", "/var/lib/app/state"),
            ("file:state", "state"),
        ] {
            assert!(matches!(parse(url), Ok(Location::File(file)) if file == Path::new(path)), "{url}");
        }
        for wrong in ["", "memory", "memory://", "file:", "file:/var/", "file://var/state", "/var/state", "http://x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
