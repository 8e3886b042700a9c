//! Where state is kept.

use std::fmt;
use std::path::PathBuf;

use redis::Client;
use secrecy::{ExposeSecret, SecretString};

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
    /// Without what may not be told.
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
            // The library's own message may quote the URL.
            Some(("redis" | "rediss", _)) => Client::open(url.expose_secret()).map(|_| Self::Redis(url.clone())).map_err(|_| {
                "it is no URL of Redis, such as redis://:password@localhost:6379/0, in which odd characters of the password are percent-encoded"
            }),
            _ => Err("it is none of memory:, file:PATH, redis://… and rediss://…"),
        }
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
