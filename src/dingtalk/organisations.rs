//! The organisations whose people use a third-party app: each made when it is first needed, and dropped when nobody has come for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Clock, CorpId, CredentialState, Organisation};

/// Those that have the app, and apart from them those that may have it: corpIds that somebody made up push no real one out.
pub(super) struct Organisations {
    held: Mutex<Held>,
    clock: Clock,
}

#[derive(Default)]
struct Held {
    known: HashMap<CorpId, Entry>,
    unknown: HashMap<CorpId, Entry>,
}

struct Entry {
    organisation: Organisation,
    /// Of its authorisation; nothing while that is known by asking alone.
    turn: Option<u64>,
    last_used: Instant,
}

impl Organisations {
    const MOST_KNOWN: usize = 10_000;
    const MOST_UNKNOWN: usize = 500;
    /// As long as an access_token lives: after that there is nothing left that would be worth keeping.
    const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

    /// Nobody has come yet.
    pub fn new(clock: Clock) -> Self {
        Self { held: Mutex::default(), clock }
    }

    /// One that has the app, by its `turn`th authorisation.
    pub fn known(&self, corp_id: &CorpId, turn: u64, make: impl FnOnce() -> Organisation) -> Organisation {
        let (mut held, now) = (self.held.lock(), self.clock.now());
        // What was learnt while it was asked about is kept.
        if let Some(asked) = held.unknown.remove(corp_id) {
            held.known.insert(corp_id.clone(), asked);
        }
        if held.known.get(corp_id).is_some_and(|entry| entry.turn.is_some_and(|known| known != turn)) {
            held.known.remove(corp_id);
        }
        let entry = used(&mut held.known, Self::MOST_KNOWN, corp_id, now, make);
        entry.turn = Some(turn);
        entry.organisation.clone()
    }

    /// One that may have it.
    pub fn unknown(&self, corp_id: &CorpId, make: impl FnOnce() -> Organisation) -> Organisation {
        let (mut held, now) = (self.held.lock(), self.clock.now());
        if held.unknown.len() >= Self::MOST_UNKNOWN {
            let Held { known, unknown } = &mut *held;
            known.extend(unknown.extract_if(|_, entry| entry.has_proved()));
        }
        used(&mut held.unknown, Self::MOST_UNKNOWN, corp_id, now, make).organisation.clone()
    }

    /// Those that have the app, or have proved it.
    pub fn all_known(&self) -> Vec<Organisation> {
        let held = self.held.lock();
        let proved = held.unknown.values().filter(|entry| entry.has_proved());
        held.known.values().chain(proved).map(|entry| entry.organisation.clone()).collect()
    }
}

impl Entry {
    /// A token was granted.
    fn has_proved(&self) -> bool {
        self.organisation.state().access_token != CredentialState::Empty
    }
}

fn used<'a>(
    entries: &'a mut HashMap<CorpId, Entry>,
    most: usize,
    corp_id: &CorpId,
    now: Instant,
    make: impl FnOnce() -> Organisation,
) -> &'a mut Entry {
    if !entries.contains_key(corp_id) {
        make_room(entries, most, now);
    }
    let entry = entries.entry(corp_id.clone());
    let entry = entry.or_insert_with(|| Entry { organisation: make(), turn: None, last_used: now });
    entry.last_used = now;
    entry
}

/// Drops the idle, and if they are too many all the same, whoever has not come for longest.
fn make_room(entries: &mut HashMap<CorpId, Entry>, most: usize, now: Instant) {
    entries.retain(|_, entry| now < entry.last_used + Organisations::IDLE);
    if entries.len() >= most {
        let longest = entries.iter().min_by_key(|(_, entry)| entry.last_used).map(|(corp_id, _)| corp_id.clone());
        longest.and_then(|corp_id| entries.remove(&corp_id));
    }
}
