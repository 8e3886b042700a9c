//! The organisations whose people use a third-party app: each made when it is first needed, and dropped when nobody has come for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Clock, CorpId, CredentialState, Organisation};

/// Those that have the app, and those that may have it: corpIds that somebody made up push only each other out.
pub(super) struct Organisations {
    held: Mutex<HashMap<CorpId, Entry>>,
    clock: Clock,
}

struct Entry {
    organisation: Organisation,
    /// Of its authorisation; nothing while none was heard of.
    turn: Option<u64>,
    last_used: Instant,
}

impl Organisations {
    const MOST: usize = 10_000;
    const MOST_MADE_UP: usize = 500;
    /// As long as an access_token lives: after that there is nothing left that would be worth keeping.
    const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

    /// Nobody has come yet.
    pub fn new(clock: Clock) -> Self {
        Self { held: Mutex::default(), clock }
    }

    /// The organisation as it has authorised the app for the `turn`th time; that it has done so may be known by asking alone.
    pub fn get(&self, corp_id: &CorpId, turn: Option<u64>, make: impl FnOnce() -> Organisation) -> Organisation {
        let (mut held, now) = (self.held.lock(), self.clock.now());
        // What was granted or refused before its last authorisation is worth nothing. One that was found by asking has turn 0.
        if held.get(corp_id).is_some_and(|entry| entry.turn.unwrap_or(0) != turn.unwrap_or(0)) {
            held.remove(corp_id);
        }
        if !held.contains_key(corp_id) {
            make_room(&mut held, turn.is_some(), now);
        }
        let entry = held.entry(corp_id.clone());
        let entry = entry.or_insert_with(|| Entry { organisation: make(), turn, last_used: now });
        (entry.turn, entry.last_used) = (turn, now);
        entry.organisation.clone()
    }

    /// Those that have the app, or have proved it.
    pub fn all_known(&self) -> Vec<Organisation> {
        self.held.lock().values().filter(|entry| entry.has_app()).map(|entry| entry.organisation.clone()).collect()
    }
}

impl Entry {
    /// It was heard of, or a token was granted.
    fn has_app(&self) -> bool {
        self.turn.is_some() || self.organisation.state().access_token != CredentialState::Empty
    }
}

/// Drops the idle; and while there are too many all the same, of its own sort, whoever has not come for longest.
fn make_room(held: &mut HashMap<CorpId, Entry>, has_app: bool, now: Instant) {
    held.retain(|_, entry| now < entry.last_used + Organisations::IDLE);
    let most = if has_app { Organisations::MOST } else { Organisations::MOST_MADE_UP };
    while let Some(corp_id) = one_too_many(held, has_app, most) {
        held.remove(&corp_id);
    }
}

fn one_too_many(held: &HashMap<CorpId, Entry>, has_app: bool, most: usize) -> Option<CorpId> {
    let alike = || held.iter().filter(|(_, entry)| entry.has_app() == has_app);
    let longest = || alike().min_by_key(|(_, entry)| entry.last_used).map(|(corp_id, _)| corp_id.clone());
    (alike().count() >= most).then(longest).flatten()
}
