//! jsapi_tickets: what a repeated call returns, and when a ticket expires.

use std::collections::HashMap;

use super::{Credential, Holder, Life, Millis};
use crate::secret;

const ONE_DAY: Millis = 24 * 60 * 60 * 1000;
/// How many invalid tickets are stored, to explain to a page that it was signed with one of them.
const REMEMBERED: usize = 8;

/// The tickets of all apps at all organisations.
#[derive(Debug, Default)]
pub struct Tickets {
    of: HashMap<Holder, JsapiTicket>,
    life: Life,
}

impl Tickets {
    /// Sets the lifetime of tickets, from the next call on.
    pub fn live_for(&mut self, life: Millis) {
        self.life = Life(life);
    }

    pub fn hand_out(&mut self, holder: &Holder, now: Millis) -> &Credential {
        self.of.entry(holder.clone()).or_default().hand_out(now, self.life)
    }

    /// Revokes the ticket of this holder.
    pub fn revoke(&mut self, holder: &Holder) {
        if let Some(ticket) = self.of.get_mut(holder) {
            ticket.bury(|_| true);
        }
    }

    pub fn of(&self, holder: &Holder) -> Option<&JsapiTicket> {
        self.of.get(holder)
    }
}

/// The app's jsapi_ticket: renewed like the token, but never past 24 hours after it was created.
#[derive(Debug, Default)]
pub struct JsapiTicket {
    newest: Option<Credential>,
    previous: Vec<String>,
}

impl JsapiTicket {
    pub fn hand_out(&mut self, now: Millis, life: Life) -> &Credential {
        self.bury(|ticket| !ticket.is_alive(now));
        let ticket = self.newest.get_or_insert_with(|| Credential::new(secret::hex64(), now));
        ticket.hand_out((now + life.0).min(ticket.created_at + ONE_DAY))
    }

    /// Moves the newest ticket to the previous ones if it is dead; only its value is stored there.
    fn bury(&mut self, is_dead: impl FnOnce(&Credential) -> bool) {
        if let Some(dead) = self.newest.take_if(|ticket| is_dead(ticket)) {
            self.previous.insert(0, dead.value);
            self.previous.truncate(REMEMBERED);
        }
    }

    pub fn current(&self, now: Millis) -> Option<&Credential> {
        self.newest.as_ref().filter(|ticket| ticket.is_alive(now))
    }

    /// Earlier tickets, which are no longer valid, the newest first.
    pub fn previous(&self) -> &[String] {
        &self.previous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_HOURS: Millis = 2 * 60 * 60 * 1000;

    #[test]
    fn a_ticket_lives_as_long_as_it_is_told_to() {
        let mut tickets = Tickets::default();
        let holder = Holder::new("app", "corp");
        tickets.live_for(2000);
        assert_eq!(tickets.hand_out(&holder, 0).expire_in_seconds(0), 2);
        let ticket = tickets.of(&holder).expect("a ticket");
        assert!(ticket.current(1999).is_some() && ticket.current(2000).is_none());
    }

    #[test]
    fn each_app_at_each_organisation_has_a_ticket_of_its_own() {
        let mut tickets = Tickets::default();
        let values = [("app", "one"), ("app", "other"), ("another", "one")]
            .map(|(client_id, corp_id)| tickets.hand_out(&Holder::new(client_id, corp_id), 0).value.clone());
        assert!(values[0] != values[1] && values[0] != values[2] && values[1] != values[2]);
    }

    #[test]
    fn a_ticket_lives_for_two_hours_when_nobody_renews_it() {
        let mut ticket = JsapiTicket::default();
        let first = ticket.hand_out(0, Life::default()).value.clone();
        assert!(ticket.current(TWO_HOURS - 1).is_some());
        assert!(ticket.current(TWO_HOURS).is_none());
        assert_ne!(ticket.hand_out(TWO_HOURS, Life::default()).value, first);
        assert_eq!(ticket.previous(), [first]);
    }

    #[test]
    fn a_renewed_ticket_dies_24_hours_after_its_creation() {
        let mut ticket = JsapiTicket::default();
        let first = ticket.hand_out(0, Life::default()).value.clone();
        for hour in 1..24 {
            let now = hour * ONE_DAY / 24;
            let renewed = ticket.hand_out(now, Life::default());
            assert_eq!(renewed.value, first);
            assert_eq!(renewed.expires_at, (now + TWO_HOURS).min(ONE_DAY));
        }
        assert_ne!(ticket.hand_out(ONE_DAY, Life::default()).value, first);
    }
}
