//! The ledger: what was called, when and with what outcome; never with a secret in it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::secret::redacted;
use crate::world::real_now;

const REMEMBERED: usize = 2_000;
/// A run-away caller of unknown paths must not grow the counts for ever.
const COUNTED: usize = 1_000;
const LONGEST: usize = 200;

/// One of the four lifelines of the console's sequence diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    Page,
    Dd,
    App,
    #[serde(rename = "dingtalk")]
    DingTalk,
}

/// Where the page is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    Phone,
    Pc,
    Browser,
}

/// One message from one lifeline to another.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    pub at: u64,
    pub duration_ms: u64,
    pub from: Party,
    pub to: Party,
    pub endpoint: Option<String>,
    pub label: String,
    pub status: Option<u16>,
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Window>,
}

impl Entry {
    /// A message that was sent at this moment.
    pub fn new(from: Party, to: Party, label: &str) -> Self {
        Self {
            seq: 0,
            at: real_now(),
            duration_ms: 0,
            from,
            to,
            endpoint: None,
            label: label.to_owned(),
            status: None,
            code: None,
            note: None,
            client: None,
        }
    }

    /// Sets the duration of a message that ends now.
    pub fn ended(mut self) -> Self {
        self.duration_ms = real_now().saturating_sub(self.at);
        self
    }

    fn clean(mut self) -> Self {
        self.label = presentable(&self.label);
        self.endpoint = self.endpoint.as_deref().map(presentable);
        self.code = self.code.as_deref().map(presentable);
        self.note = self.note.as_deref().map(presentable);
        self
    }
}

/// Everything that happened since the start or the last reset.
#[derive(Debug, Default)]
pub struct Ledger {
    latest: u64,
    entries: VecDeque<Entry>,
    counts: BTreeMap<String, u64>,
    upstream_calls: u64,
}

impl Ledger {
    /// Counts a call as soon as it has arrived, so that a call whose answer is delayed is counted at once.
    pub fn count(&mut self, endpoint: &str, from: Party) {
        let endpoint = presentable(endpoint);
        if from == Party::App {
            self.upstream_calls += 1;
        }
        if self.counts.contains_key(&endpoint) || self.counts.len() < COUNTED {
            *self.counts.entry(endpoint).or_default() += 1;
        }
    }

    pub fn record(&mut self, entry: Entry) {
        self.latest += 1;
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { seq: self.latest, ..entry.clean() });
    }

    pub fn calls(&self, endpoint: &str) -> u64 {
        self.counts.get(endpoint).copied().unwrap_or_default()
    }

    pub fn upstream_calls(&self) -> u64 {
        self.upstream_calls
    }

    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    pub fn latest(&self) -> u64 {
        self.latest
    }

    pub fn after(&self, seq: u64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.seq > seq)
    }
}

fn presentable(text: &str) -> String {
    redacted(text).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret;

    #[test]
    fn no_secret_reaches_an_entry_or_a_count() {
        let code = secret::hex32();
        let mut ledger = Ledger::default();
        let mut entry = Entry::new(Party::Page, Party::Dd, &format!("got {code}"));
        entry.endpoint = Some(format!("GET /login/{code}"));
        entry.note = Some(format!("ticket {}", secret::hex64()));
        entry.code = Some(code.clone());
        ledger.count(&format!("GET /login/{code}"), Party::App);
        ledger.record(entry);

        let entries: Vec<_> = ledger.after(0).collect();
        let written = format!("{entries:?} {:?}", ledger.counts());
        assert!(!written.contains(&code), "{written}");
        assert!(written.contains("got …"), "{written}");
        assert!(written.contains("ticket …"), "{written}");
    }

    #[test]
    fn the_oldest_entries_go_and_the_counts_stay() {
        let mut ledger = Ledger::default();
        for _ in 0..REMEMBERED + 5 {
            ledger.count("GET /gettoken", Party::App);
            ledger.record(Entry::new(Party::App, Party::DingTalk, "get access_token"));
        }
        assert_eq!(ledger.after(0).count(), REMEMBERED);
        assert_eq!(ledger.after(0).next().map(|entry| entry.seq), Some(6));
        assert_eq!(ledger.calls("GET /gettoken"), REMEMBERED as u64 + 5);
        assert_eq!(ledger.upstream_calls(), REMEMBERED as u64 + 5);
    }
}
