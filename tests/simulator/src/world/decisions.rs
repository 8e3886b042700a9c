//! Decisions of administrators about an app, and people who leave and come back: the apps are sent events about them.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Holder, Kind, Standing, World};
use crate::events::{Event, Happening, Outbox, PushUrl, StreamFault, Subscribers};
use crate::secret;
use crate::upstream::authorisation_with_scope;

/// What an organisation does with an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Let its people use the app.
    Authorise,
    /// Give it another scope.
    Change,
    /// Take the authorisation back.
    Relieve,
    /// Let nobody open it for now.
    Stop,
    /// Let its people open it again.
    Restore,
    /// Take it off the workbench, and leave it authorised.
    Remove,
}

impl World {
    /// Carries out a decision, and sends a third-party app an event about it.
    pub fn decide(&mut self, client_id: &str, corp_id: &str, decision: Decision) -> Result<(), String> {
        let app = self.apps.iter_mut().find(|app| app.client_id == client_id).ok_or("no app has this clientId")?;
        let kind = app.kind;
        let installation = app.installations.get_mut(corp_id).ok_or("the organisation cannot have this app")?;
        let agent_id = installation.agent_id.clone();
        installation.standing = match (decision, installation.standing) {
            (Decision::Authorise, _) => Standing::Active,
            (_, Standing::Absent) => return Err("the organisation does not have this app".to_owned()),
            (Decision::Change, standing) => standing,
            (Decision::Restore, _) => Standing::Active,
            (Decision::Stop | Decision::Remove, _) => Standing::Stopped,
            (Decision::Relieve, _) => Standing::Absent,
        };
        if installation.standing == Standing::Absent {
            self.shut_out(&Holder::new(client_id, corp_id));
        }
        // An organisation's own apps get no events about the decisions of its administrator.
        if kind == Kind::ThirdParty {
            let happening = self.happening(client_id, corp_id, decision, agent_id);
            self.tell(client_id, corp_id, happening);
        }
        Ok(())
    }

    /// Revokes all tokens, tickets and codes that an app has for an organisation.
    fn shut_out(&mut self, holder: &Holder) {
        let now = self.now();
        self.tokens.revoke(holder, now);
        self.tickets.revoke(holder);
        self.codes.revoke(holder);
        self.user_tokens.revoke(holder);
        self.browser_codes.revoke(holder);
        self.temporary_codes.retain(|_, of| of != holder);
    }

    fn happening(&mut self, client_id: &str, corp_id: &str, decision: Decision, agent_id: String) -> Happening {
        let told = || self.app(client_id).and_then(|app| authorisation_with_scope(app, corp_id, self)).unwrap_or_default();
        match decision {
            Decision::Authorise => {
                let temporary_code = secret::hex32();
                let (authorisation, holder) = (told(), Holder::new(client_id, corp_id));
                // An earlier code that the app has not exchanged is no longer valid.
                self.temporary_codes.retain(|_, of| *of != holder);
                self.temporary_codes.insert(temporary_code.clone(), holder);
                Happening::Authorised { authorisation, temporary_code }
            }
            Decision::Change => Happening::ScopeChanged { authorisation: told() },
            Decision::Relieve => Happening::Relieved,
            Decision::Stop => Happening::Stopped { agent_id },
            Decision::Restore => Happening::Restored { agent_id },
            Decision::Remove => Happening::Removed { agent_id },
        }
    }

    /// Somebody leaves an organisation.
    pub fn leave(&mut self, corp_id: &str, user_id: &str) -> Result<(), String> {
        let organisation = self.organisation_mut(corp_id).ok_or("no organisation has this corpId")?;
        let left = organisation.leave(user_id).ok_or("nobody has this userId")?;
        self.tell_all(corp_id, &Happening::Left { user_id: left.user_id.clone(), union_id: left.union_id.clone() });
        Ok(())
    }

    /// Somebody who has left comes back.
    pub fn come_back(&mut self, corp_id: &str, user_id: &str) -> Result<(), String> {
        let organisation = self.organisation_mut(corp_id).ok_or("no organisation has this corpId")?;
        let back = organisation.come_back(user_id).ok_or("nobody with this userId has left")?;
        self.tell_all(corp_id, &Happening::Joined { user_id: back.user_id.clone(), union_id: back.union_id.clone() });
        Ok(())
    }

    /// Dissolves an organisation. Its apps are sent an event, and their tokens, tickets and codes for it are revoked.
    pub fn dissolve(&mut self, corp_id: &str) -> Result<(), String> {
        self.organisation(corp_id).ok_or("no organisation has this corpId")?;
        self.tell_all(corp_id, &Happening::Dissolved);
        let holders: Vec<_> = self.apps.iter().map(|app| Holder::new(&app.client_id, corp_id)).collect();
        holders.iter().for_each(|holder| self.shut_out(holder));
        for app in &mut self.apps {
            app.installations.remove(corp_id);
        }
        self.organisations.retain(|organisation| organisation.corp_id != corp_id);
        Ok(())
    }

    /// Sends an app an event that a test made up; nothing in the world changes.
    pub fn make_up(&mut self, client_id: &str, corp_id: &str, event_type: &str, data: Value) -> Result<(), &'static str> {
        let has_app = self.app(client_id).is_some_and(|app| app.at(corp_id).is_some());
        match data {
            _ if !has_app => Err("the organisation does not have this app"),
            _ if event_type.is_empty() => Err("the event has no type"),
            _ if self.subscribers.way_to(client_id).is_none() => Err("the app does not listen: the event would be lost"),
            Value::Object(data) => {
                self.tell(client_id, corp_id, Happening::MadeUp { event_type: event_type.to_owned(), data });
                Ok(())
            }
            _ => Err("the data of an event is an object"),
        }
    }

    /// Sets the URL to which events for an app are pushed; `None` removes it. Events that wait for the app are due at once.
    pub fn listen_at(&mut self, client_id: &str, url: Option<PushUrl>) {
        self.subscribers.listen_at(client_id, url);
        self.outbox.hurry(client_id, Instant::now());
    }

    /// Causes a fault on all Stream connections of an app; returns how many there are.
    pub fn disturb_stream(&mut self, client_id: &str, fault: StreamFault) -> usize {
        self.subscribers.disturb(client_id, fault)
    }

    /// Sends an app the event `check_url`, by which DingTalk verifies the URL that it pushes events to.
    pub fn check_url(&mut self, client_id: &str) {
        self.tell(client_id, "", Happening::UrlChecked);
    }

    /// Moves the clock forward, and renews the suite tickets that are due then.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.renew_suite_tickets();
    }

    /// Makes a new suite ticket for each third-party app that has none, or whose ticket is due for renewal.
    pub fn renew_suite_tickets(&mut self) {
        let now = self.now();
        let third_party = self.apps.iter().filter(|app| app.kind == Kind::ThirdParty).map(|app| app.client_id.clone());
        for client_id in third_party.collect::<Vec<_>>() {
            if self.suite_tickets.is_due(&client_id, now) {
                self.rotate_suite_ticket(&client_id);
            }
        }
    }

    /// An error unless this is a third-party app: others have no suite tickets.
    pub fn has_suite_tickets(&self, client_id: &str) -> Result<(), &'static str> {
        let is_third_party = self.app(client_id).is_some_and(|app| app.kind == Kind::ThirdParty);
        is_third_party.then_some(()).ok_or("only a third-party app has suite tickets")
    }

    /// Makes a new suite ticket, which replaces the one before, and sends it to the app.
    pub fn rotate_suite_ticket(&mut self, client_id: &str) {
        let now = self.now();
        let ticket = self.suite_tickets.rotate(client_id, now);
        self.tell(client_id, "", Happening::SuiteTicket { ticket });
    }

    /// Sends the current suite ticket again, as "push again" in the developer console does.
    pub fn push_suite_ticket_again(&mut self, client_id: &str) {
        if let Some(ticket) = self.suite_tickets.current(client_id).map(str::to_owned) {
            self.tell(client_id, "", Happening::SuiteTicket { ticket });
        }
    }

    /// The apps that receive events, and the events to be delivered.
    pub fn mail(&mut self) -> (&Subscribers, &mut Outbox) {
        (&self.subscribers, &mut self.outbox)
    }

    /// Sends an event to every app that the organisation has.
    fn tell_all(&mut self, corp_id: &str, happening: &Happening) {
        let told = self.apps.iter().filter(|app| app.at(corp_id).is_some()).map(|app| app.client_id.clone());
        for client_id in told.collect::<Vec<_>>() {
            self.tell(&client_id, corp_id, happening.clone());
        }
    }

    /// Queues an event for an app. For an app that does not listen, only urgent events are queued, such as a suite ticket.
    fn tell(&mut self, client_id: &str, corp_id: &str, happening: Happening) {
        if happening.is_urgent() || self.subscribers.way_to(client_id).is_some() {
            self.outbox.add(Event::new(client_id, corp_id, self.now(), happening));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::THIRD_PARTY;
    use super::*;

    #[test]
    fn an_organisation_has_one_temporary_code_as_long_as_it_authorises_the_app() {
        let mut world = World::default();
        let mut decide = |decision| {
            world.decide(THIRD_PARTY.client_id, THIRD_PARTY.corp_id, decision).expect("a decision");
            world.temporary_codes.len()
        };
        let decisions = [Decision::Authorise, Decision::Authorise, Decision::Stop, Decision::Relieve];
        assert_eq!(decisions.map(&mut decide), [1, 1, 1, 0]);
    }
}
