//! What Redis tells of itself to whoever examines the app.

use std::time::{Duration, Instant};

use super::client;
use super::link::{Away, answer, connect};
use crate::state::RedisUrl;

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
    pub(in crate::state) async fn at(url: &RedisUrl) -> Result<Self, Away> {
        let client = client(url).map_err(|error| Away::of(&error))?;
        let mut connection = connect(&client).await?;
        let asked = Instant::now();
        let told: String = answer(&mut connection, redis::pipe().cmd("INFO")).await?;
        let latency = asked.elapsed();
        let (seconds, micros): (u64, u64) = answer(&mut connection, redis::pipe().cmd("TIME")).await?;
        let unix_ms = seconds * 1000 + micros / 1000;
        let value =
            |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim();
        let is_bounded = !["", "0"].contains(&value("maxmemory"));
        let policy = Some(value("maxmemory_policy")).filter(|policy| is_bounded && *policy != "noeviction");
        Ok(Self { version: value("redis_version").to_owned(), latency, unix_ms, evicts: policy.map(str::to_owned) })
    }
}
