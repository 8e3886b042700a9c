//! Delivers events to an app as if DingTalk had sent them, at the very moment that a test chooses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dingtalk_h5::dingtalk::events::{Event, Happening, Listener};
use dingtalk_h5::dingtalk::{Authorisation, CorpId, SuiteTicket};
use dingtalk_h5::state::State;

/// Delivers events to an app. Each has a later time than the one before.
#[derive(Clone)]
pub struct Hearsay {
    state: Arc<State>,
    told: Arc<AtomicU64>,
}

impl Hearsay {
    pub fn of(state: Arc<State>) -> Self {
        Self { state, told: Arc::default() }
    }

    /// Delivers a suite ticket.
    pub fn hear_suite_ticket(&self, ticket: SuiteTicket) {
        self.tell(Happening::SuiteTicket(ticket));
    }

    /// Delivers the events of what an organisation has decided about the app.
    pub fn hear(&self, corp_id: CorpId, authorisation: Authorisation) {
        match authorisation {
            Authorisation::Unknown => {}
            Authorisation::Granted { agent_id, .. } => {
                self.tell(Happening::Authorised(corp_id.clone(), agent_id.clone()));
                self.tell(Happening::Restored(corp_id, agent_id));
            }
            Authorisation::Stopped => self.tell(Happening::Stopped(corp_id, None)),
            Authorisation::Relieved => self.tell(Happening::Relieved(corp_id)),
        }
    }

    /// Delivers the event that `what` has happened.
    pub fn tell(&self, what: Happening) {
        let told = self.told.fetch_add(1, Ordering::Relaxed);
        let event = Event::new(&["hearsay", &told.to_string()], Some(1_000_000 + told), what);
        let state = Arc::clone(&self.state);
        let hearing = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(state.hear(event))
        });
        assert!(hearing.join().unwrap());
    }
}
