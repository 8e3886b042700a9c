//! What Redis tells of itself.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
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
        let told: String = answer(&mut connection, &redis::cmd("INFO")).await?;
        let latency = asked.elapsed();
        let (seconds, micros): (u64, u64) = answer(&mut connection, &redis::cmd("TIME")).await?;
        let unix_ms = seconds * 1000 + micros / 1000;
        let is_bounded = !["", "0"].contains(&said(&told, "maxmemory"));
        let policy = Some(said(&told, "maxmemory_policy")).filter(|policy| is_bounded && *policy != "noeviction");
        Ok(Self { version: said(&told, "redis_version").to_owned(), latency, unix_ms, evicts: policy.map(str::to_owned) })
    }
}

/// Which history of its data a Redis has. It is another one after a restart and with another primary, whose data may be older.
pub(super) async fn history(connection: &mut MultiplexedConnection) -> Result<String, Away> {
    let told: String = answer(connection, redis::cmd("INFO").arg("replication")).await?;
    Ok(said(&told, "master_replid").to_owned())
}

/// What INFO says of one thing.
fn said<'a>(told: &'a str, name: &str) -> &'a str {
    told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim()
}
