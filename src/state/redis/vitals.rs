//! What Redis tells of itself.

use std::time::{Duration, Instant};

use redis::InfoDict;
use secrecy::SecretString;

use super::client;
use super::link::{Away, answer, connect};

/// A Redis that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Such as 7.0.15.
    pub version: String,
    /// How long an answer took.
    pub latency: Duration,
    /// What time it is there, in Unix milliseconds: sessions go by that.
    pub unix_ms: u64,
    /// What it throws away when it is full, if it may become full and throws anything away: that would be logouts.
    pub evicts: Option<String>,
}

impl Vitals {
    /// Asks once, on a connection of its own.
    pub(in crate::state) async fn at(url: &SecretString) -> Result<Self, Away> {
        let client = client(url).map_err(|error| Away::of(&error))?;
        let mut connection = connect(&client).await?;
        let asked = Instant::now();
        let told: InfoDict = answer(&mut connection, &redis::cmd("INFO")).await?;
        let latency = asked.elapsed();
        let (seconds, micros): (u64, u64) = answer(&mut connection, &redis::cmd("TIME")).await?;
        let unix_ms = seconds * 1000 + micros / 1000;
        let is_bounded = told.get("maxmemory").is_some_and(|bytes: u64| bytes > 0);
        let evicts = told.get("maxmemory_policy").filter(|policy| is_bounded && policy != "noeviction");
        Ok(Self { version: told.get("redis_version").unwrap_or_default(), latency, unix_ms, evicts })
    }
}
