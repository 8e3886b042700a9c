//! A call that is under way, and its entry in the ledger when it ends.

use actix_web::web::Data;

use crate::ledger::{Entry, Party, Window};
use crate::world::Shared;

/// Counts a call when it arrives and records it when it ends, even if the caller hangs up before.
pub struct Recording {
    shared: Data<Shared>,
    /// The number of the world that the call was made in. After a reset there is a new world, whose ledger does not get this call.
    world: u64,
    entry: Option<Entry>,
}

/// How a call ended, in the words of the ledger.
#[derive(Debug, Default)]
pub struct Outcome {
    pub status: Option<u16>,
    pub code: Option<String>,
    pub note: Option<String>,
}

impl Recording {
    /// Starts to record a call to DingTalk.
    pub fn start(shared: &Data<Shared>, from: Party, endpoint: String, label: &str) -> Self {
        Self::between(shared, from, Party::DingTalk, endpoint, label)
    }

    pub fn between(shared: &Data<Shared>, from: Party, to: Party, endpoint: String, label: &str) -> Self {
        let number = {
            let mut world = shared.world();
            world.ledger.count(&endpoint, from);
            world.number
        };
        let mut entry = Entry::new(from, to, label);
        entry.endpoint = Some(endpoint);
        Self { shared: shared.clone(), world: number, entry: Some(entry) }
    }

    /// Sets the window of the client that the call comes from.
    pub fn in_window(mut self, window: Option<Window>) -> Self {
        if let Some(entry) = &mut self.entry {
            entry.client = window;
        }
        self
    }

    pub fn end(mut self, outcome: Outcome) {
        self.write(outcome);
    }

    fn write(&mut self, outcome: Outcome) {
        let Some(entry) = self.entry.take() else { return };
        let mut world = self.shared.world();
        if world.number == self.world {
            world.ledger.record(Entry { status: outcome.status, code: outcome.code, note: outcome.note, ..entry.ended() });
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.write(Outcome { note: Some("the caller hung up".to_owned()), ..Outcome::default() });
    }
}
