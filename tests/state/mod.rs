//! What state promises wherever it is stored, and what a file or a Redis promises besides.

use std::path::PathBuf;
use std::time::Duration;

use dingtalk_h5::dingtalk::{Clock, CorpId, UserId};
use dingtalk_h5::state::{Location, SealingKeys, State, Unread};

use crate::support::ClockHands;
use crate::support::redis::RedisServer;

mod contract;
mod events;
mod file;
mod redis;

/// The lifetime of a session.
pub const LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// A place where state is kept, and a clock to move.
pub struct Place {
    pub location: Location,
    pub hands: ClockHands,
    pub keys: Vec<[u8; 32]>,
    /// One clock for all who use it, since Redis's own cannot be moved.
    shared: Option<(RedisServer, Clock)>,
}

impl Place {
    pub fn in_memory() -> Self {
        Self::at(Location::Memory)
    }

    /// In a file that is not there yet.
    pub fn in_a_file() -> Self {
        Self::at(Location::File(new_path()))
    }

    /// In a Redis that nobody else has.
    pub async fn in_redis() -> Self {
        let redis = RedisServer::start().await;
        let location = Location::parse(&redis.url().into()).unwrap();
        let mut place = Self::at(location);
        place.shared = Some((redis, place.clock()));
        place
    }

    fn at(location: Location) -> Self {
        Self { location, hands: ClockHands::still(), keys: vec![rand::random()], shared: None }
    }

    pub fn clock(&self) -> Clock {
        let own = || self.hands.clock();
        self.shared.as_ref().map_or_else(own, |(_, clock)| clock.clone())
    }

    /// So much time passes at once.
    pub async fn passes(&self, time: Duration) {
        self.hands.advance(time);
        if let Some((redis, _)) = &self.shared {
            redis.ages(time).await;
        }
    }

    pub fn open(&self) -> State {
        self.try_open().unwrap()
    }

    pub fn try_open(&self) -> Result<State, Unread> {
        self.try_open_for(LIFETIME)
    }

    /// Opens it with another lifetime of a session.
    pub fn try_open_for(&self, lifetime: Duration) -> Result<State, Unread> {
        State::open(&self.location, "an app", SealingKeys::new(self.keys.clone()), lifetime, self.clock())
    }

    pub fn path(&self) -> &PathBuf {
        match &self.location {
            Location::File(path) => path,
            Location::Memory | Location::Redis(_) => panic!("it has no path"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Location::File(path) = &self.location {
            drop(std::fs::remove_file(path));
        }
    }
}

/// A path at which there is no file.
pub fn new_path() -> PathBuf {
    std::env::temp_dir().join(format!("state-{}-{:x}", std::process::id(), rand::random::<u64>()))
}

pub fn corp(name: &str) -> CorpId {
    CorpId::parse(name).unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}
