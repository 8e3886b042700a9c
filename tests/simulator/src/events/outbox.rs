//! The events that have not been acknowledged yet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Event, Happening};

/// DingTalk is known to give up after a hundred attempts and more.
const MOST_ATTEMPTS: u32 = 100;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The events that are still to be delivered.
#[derive(Debug, Default)]
pub struct Outbox {
    pushes: Vec<Push>,
    /// The number of the newest event.
    latest: u64,
    /// Wakes the task that delivers the events.
    pub news: Arc<Notify>,
}

#[derive(Debug)]
struct Push {
    event: Arc<Event>,
    attempts: u32,
    /// When the event is to be pushed; `None` while it is under way.
    due: Option<Instant>,
}

impl Outbox {
    /// An empty outbox, whose events the same task delivers.
    pub fn emptied(&self) -> Self {
        Self { pushes: Vec::new(), latest: self.latest, news: self.news.clone() }
    }

    pub fn add(&mut self, mut event: Event) {
        // Two events may be born in one millisecond, and a reset turns the clock back.
        self.latest = event.number.max(self.latest + 1);
        event.number = self.latest;
        // A new suite ticket replaces one that has not been delivered.
        if let Happening::SuiteTicket { .. } = event.happening {
            self.pushes.retain(|push| {
                push.event.client_id != event.client_id || !matches!(push.event.happening, Happening::SuiteTicket { .. })
            });
        }
        self.pushes.push(Push { event: Arc::new(event), attempts: 0, due: Some(Instant::now()) });
        self.news.notify_one();
    }

    /// The events that are due, for apps that can be reached. They count as under way from now on.
    pub fn take_due(&mut self, now: Instant, reachable: impl Fn(&str) -> bool) -> Vec<Arc<Event>> {
        let is_due = |push: &&mut Push| push.due.is_some_and(|due| due <= now) && reachable(&push.event.client_id);
        let due = self.pushes.iter_mut().filter(is_due);
        due.map(|push| {
            push.due = None;
            push.event.clone()
        })
        .collect()
    }

    /// When the next event is due, for apps that can be reached.
    pub fn next_due(&self, reachable: impl Fn(&str) -> bool) -> Option<Instant> {
        self.pushes.iter().filter(|push| reachable(&push.event.client_id)).filter_map(|push| push.due).min()
    }

    pub fn acknowledged(&mut self, id: &str) {
        self.pushes.retain(|push| push.event.id != id);
    }

    /// Has an event pushed again, after a pause that doubles each time; drops it after too many attempts.
    pub fn failed(&mut self, id: &str, now: Instant) {
        self.pushes.retain(|push| push.event.id != id || push.attempts + 1 < MOST_ATTEMPTS);
        if let Some(push) = self.pushes.iter_mut().find(|push| push.event.id == id) {
            push.due = Some(now + FIRST_PAUSE.saturating_mul(1 << push.attempts.min(16)).min(LONGEST_PAUSE));
            push.attempts += 1;
        }
        self.news.notify_one();
    }

    /// Makes all events that wait for an app due now.
    pub fn hurry(&mut self, client_id: &str, now: Instant) {
        let waiting = self.pushes.iter_mut().filter(|push| push.event.client_id == client_id);
        for due in waiting.filter_map(|push| push.due.as_mut()) {
            *due = now;
        }
        self.news.notify_one();
    }

    pub fn state(&self) -> Value {
        let shown = |push: &Push| {
            let Event { client_id, corp_id, happening, .. } = &*push.event;
            json!({"clientId": client_id, "corpId": corp_id, "eventType": happening.name(), "attempts": push.attempts})
        };
        self.pushes.iter().map(shown).collect()
    }

    pub fn len(&self) -> usize {
        self.pushes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left() -> Event {
        Event::new("app", "corp", 0, Happening::Left { user_id: "bob".to_owned(), union_id: "union".to_owned() })
    }

    #[test]
    fn an_event_comes_again_ever_later_until_it_is_acknowledged() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.add(left());
        assert!(outbox.take_due(start + FIRST_PAUSE, |_| false).is_empty(), "nobody is there");
        let [event] = outbox.take_due(start + FIRST_PAUSE, |_| true).try_into().expect("the event");
        assert!(outbox.take_due(start + LONGEST_PAUSE, |_| true).is_empty(), "it is under way");
        outbox.failed(&event.id, start);
        assert_eq!(outbox.next_due(|_| true), Some(start + FIRST_PAUSE));
        outbox.failed(&event.id, start);
        assert_eq!(outbox.next_due(|_| true), Some(start + 2 * FIRST_PAUSE));
        outbox.acknowledged(&event.id);
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn after_a_hundred_attempts_an_event_is_given_up() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.add(left());
        let id = outbox.take_due(start + FIRST_PAUSE, |_| true)[0].id.clone();
        for _ in 1..MOST_ATTEMPTS {
            outbox.failed(&id, start);
        }
        assert_eq!(outbox.len(), 1);
        outbox.failed(&id, start);
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn of_two_tickets_only_the_newer_is_still_told() {
        let mut outbox = Outbox::default();
        for ticket in ["older", "newer"] {
            outbox.add(Event::new("suite", "", 0, Happening::SuiteTicket { ticket: ticket.to_owned() }));
        }
        let due = outbox.take_due(Instant::now(), |_| true);
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].happening, Happening::SuiteTicket { ticket: "newer".to_owned() });
    }
}
