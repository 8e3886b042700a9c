//! Where state is kept.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// Where state is kept, as STATE_URL says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `memory:`: it ends with the process.
    Memory,
    /// `file:PATH`: it outlives the process, and is one process's.
    File(PathBuf),
    /// `redis://…` or `rediss://…`: several processes share it.
    Redis(RedisUrl),
}

/// Where Redis is, perhaps with a password.
#[derive(Debug, Clone)]
pub struct RedisUrl {
    url: SecretString,
    /// What of it may be told.
    shown: String,
}

impl RedisUrl {
    fn parse(url: &SecretString) -> Result<Self, &'static str> {
        // The library's own message may quote the URL.
        let unfit = |_| "it is no URL of Redis, such as redis://:password@localhost:6379/0, in which odd characters of the password are percent-encoded";
        let client = redis::Client::open(url.expose_secret()).map_err(unfit)?;
        let scheme = if url.expose_secret().starts_with("rediss:") { "rediss" } else { "redis" };
        Ok(Self { url: url.clone(), shown: format!("{scheme}://{}", client.get_connection_info().addr()) })
    }

    pub(super) fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for RedisUrl {}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Redis(url) => f.write_str(&url.shown),
        }
    }
}

impl Location {
    /// Takes a URL.
    pub fn parse(url: &SecretString) -> Result<Self, &'static str> {
        match url.expose_secret().split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("file", path)) if path.ends_with('/') || path.is_empty() => Err("file: is followed by the path of a file"),
            Some(("file", path)) if path.starts_with("///") => Ok(Self::File(path[2..].into())),
            Some(("file", path)) if path.starts_with("//") => {
                Err("file: takes a path and no host, such as file:/var/lib/app/state")
            }
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("redis" | "rediss", _)) => RedisUrl::parse(url).map(Self::Redis),
            _ => Err("it is none of memory:, file:PATH, redis://… and rediss://…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_redis_is_where_it_is_and_no_password() {
        for (url, shown) in [
            ("redis://:canary@redis.internal/0", "redis://redis.internal:6379"),
            ("rediss://somebody:canary@10.0.0.1:6380", "rediss://10.0.0.1:6380"),
        ] {
            assert_eq!(Location::parse(&url.into()).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn state_is_in_memory_or_in_a_file() {
        let parse = |url: &str| Location::parse(&url.into());
        assert_eq!(parse("memory:"), Ok(Location::Memory));
        assert_eq!(parse("file:/var/lib/app/state"), Ok(Location::File("/var/lib/app/state".into())));
        assert_eq!(parse("file:///var/lib/app/state"), Ok(Location::File("/var/lib/app/state".into())));
        assert_eq!(parse("file:state"), Ok(Location::File("state".into())));
        for wrong in ["", "memory", "memory://", "file:", "file:/var/", "file://var/state", "/var/state", "http://x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
