//! Suite tickets, which DingTalk pushes to a third-party app every few hours. A newer one replaces the one before.

use std::collections::HashMap;

use super::Millis;
use crate::secret;

/// DingTalk pushes a new one about every five hours.
const EVERY: Millis = 5 * 60 * 60 * 1000;

/// The newest ticket of each third-party app.
#[derive(Debug, Default)]
pub struct SuiteTickets(HashMap<String, SuiteTicket>);

#[derive(Debug)]
struct SuiteTicket {
    value: String,
    created_at: Millis,
}

impl SuiteTickets {
    pub fn rotate(&mut self, client_id: &str, now: Millis) -> String {
        let ticket = SuiteTicket { value: secret::hex32(), created_at: now };
        let value = ticket.value.clone();
        self.0.insert(client_id.to_owned(), ticket);
        value
    }

    pub fn current(&self, client_id: &str) -> Option<&str> {
        self.0.get(client_id).map(|ticket| ticket.value.as_str())
    }

    /// Whether an app has no ticket, or one that is due for renewal.
    pub fn is_due(&self, client_id: &str, now: Millis) -> bool {
        self.0.get(client_id).is_none_or(|ticket| ticket.created_at + EVERY <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_ticket_replaces_the_one_before_every_five_hours() {
        let mut tickets = SuiteTickets::default();
        assert!(tickets.is_due("suite", 0));
        let first = tickets.rotate("suite", 0);
        assert_eq!(tickets.current("suite"), Some(&*first));
        assert!(!tickets.is_due("suite", EVERY - 1) && tickets.is_due("suite", EVERY));
        let second = tickets.rotate("suite", EVERY);
        assert_eq!(tickets.current("suite"), Some(&*second));
        assert_ne!(first, second);
    }
}
