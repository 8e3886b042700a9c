//! What a test can do with several organisations, and with the events that DingTalk sends to an app.

use serde_json::Value;

use crate::Simulator;
use crate::events::{PushUrl, Shape, StreamFault, http};
use crate::world::{App, CUSTOM, Decision, Holder, INTERNAL, Kind, THIRD_PARTY, World};

/// The corpIds of the seeded organisations.
const ORGANISATIONS: [&str; 2] = ["dingsimulator0001", "dingsimulator0002"];

impl Simulator {
    /// The registration of the app of a kind.
    #[must_use]
    pub fn app_of(&self, kind: Kind) -> &'static App {
        match kind {
            Kind::Internal => &INTERNAL,
            Kind::Custom => &CUSTOM,
            Kind::ThirdParty => &THIRD_PARTY,
        }
    }

    /// The registration of the app that a provider develops for the first organisation.
    #[must_use]
    pub fn custom_app(&self) -> &'static App {
        &CUSTOM
    }

    /// The registration of the app that both organisations can authorise.
    #[must_use]
    pub fn third_party_app(&self) -> &'static App {
        &THIRD_PARTY
    }

    /// The corpIds of the seeded organisations.
    #[must_use]
    pub fn organisations(&self) -> [&'static str; 2] {
        ORGANISATIONS
    }

    /// Sets the app under test, which the other methods are about.
    pub fn put_to_test(&self, app: &App) {
        self.shared.world().setup.under_test = app.client_id.to_owned();
    }

    /// The agentId of the app under test at an organisation, for `dd.config`; `None` if the organisation cannot have the app.
    #[must_use]
    pub fn agent_id(&self, corp_id: &str) -> Option<String> {
        Some(self.shared.world().under_test()?.installations.get(corp_id)?.agent_id.clone())
    }

    /// An authCode as the client hands it to a page of the app under test, in this organisation.
    ///
    /// # Panics
    /// When nobody there has this userId: a slip in the test.
    #[track_caller]
    #[must_use]
    pub fn issue_code_at(&self, corp_id: &str, user_id: &str) -> String {
        let client_id = self.tested(|_, client_id| client_id.to_owned());
        super::issue(&client_id, corp_id, user_id, &mut self.shared.world())
    }

    /// Has an organisation decide about the app under test. A third-party app is sent an event.
    ///
    /// # Panics
    /// When the decision makes no sense: a slip in the test.
    #[track_caller]
    pub fn decide(&self, corp_id: &str, decision: Decision) {
        done(self.tested(|world, client_id| world.decide(client_id, corp_id, decision)));
    }

    /// Somebody leaves an organisation.
    ///
    /// # Panics
    /// When nobody there has this userId: a slip in the test.
    #[track_caller]
    pub fn leave(&self, corp_id: &str, user_id: &str) {
        done(self.shared.world().leave(corp_id, user_id));
    }

    /// Somebody who has left an organisation comes back.
    ///
    /// # Panics
    /// When nobody with this userId has left: a slip in the test.
    #[track_caller]
    pub fn come_back(&self, corp_id: &str, user_id: &str) {
        done(self.shared.world().come_back(corp_id, user_id));
    }

    /// Dissolves an organisation.
    ///
    /// # Panics
    /// When there is none with this corpId: a slip in the test.
    #[track_caller]
    pub fn dissolve(&self, corp_id: &str) {
        done(self.shared.world().dissolve(corp_id));
    }

    /// Sends the app under test an event of an organisation that the test made up, such as `bpms_instance_change`. `data` is sent as it is
    /// written here, although DingTalk writes the same event in other ways over Stream and over HTTP.
    ///
    /// # Panics
    /// When the app does not listen, the organisation does not have it, or `data` is no object: a slip in the test.
    #[track_caller]
    pub fn tell(&self, corp_id: &str, event_type: &str, data: Value) {
        let told = self.tested(|world, client_id| world.make_up(client_id, corp_id, event_type, data));
        done(told.map_err(str::to_owned));
    }

    /// Sets the URL to which events are pushed over HTTP, as long as the app under test has no Stream connection.
    pub fn push_events_to(&self, url: impl Into<String>, shape: Shape) {
        let url = Some(PushUrl { url: url.into(), shape });
        self.tested(|world, client_id| world.listen_at(client_id, url));
    }

    /// Sends the event `check_url`, by which DingTalk verifies the URL that it pushes events to.
    pub fn check_url(&self) {
        self.tested(World::check_url);
    }

    /// The query and the body of the request that pushes the event `message` to the app under test, encrypted, and signed with `timestamp`.
    #[must_use]
    pub fn sealed(&self, message: &Value, timestamp: &str) -> (String, String) {
        let world = self.shared.world();
        let Some(Ok(cipher)) = world.under_test().map(http::cipher) else { return Default::default() };
        let (query, body) = http::sealed(&cipher, message, timestamp);
        let query = query.map(|(name, value)| format!("{name}={value}"));
        (query.join("&"), body.to_string())
    }

    /// The suite ticket of the app under test.
    #[must_use]
    pub fn suite_ticket(&self) -> Option<String> {
        self.tested(|world, client_id| world.suite_tickets.current(client_id).map(str::to_owned))
    }

    /// Pushes a new suite ticket, which replaces the one before.
    ///
    /// # Panics
    /// When the app under test is no third-party app: a slip in the test.
    #[track_caller]
    pub fn rotate_suite_ticket(&self) {
        self.with_suite_tickets(World::rotate_suite_ticket);
    }

    /// Pushes the suite ticket once more, as the button in the developer console does.
    ///
    /// # Panics
    /// When the app under test is no third-party app: a slip in the test.
    #[track_caller]
    pub fn push_suite_ticket_again(&self) {
        self.with_suite_tickets(World::push_suite_ticket_again);
    }

    /// Causes a fault on the app's Stream connections, and returns how many there are.
    pub fn disturb_stream(&self, fault: StreamFault) -> usize {
        self.tested(|world, client_id| world.disturb_stream(client_id, fault))
    }

    /// How many Stream connections of the app receive events.
    #[must_use]
    pub fn stream_connections(&self) -> usize {
        self.tested(|world, client_id| world.subscribers.connections(client_id))
    }

    /// How many events, of all apps, have not been acknowledged.
    #[must_use]
    pub fn pushes_waiting(&self) -> usize {
        self.shared.world().outbox.len()
    }

    /// Sets whether a new access_token of a third-party or custom app revokes the one before. DingTalk does not document it; at the start
    /// it does not.
    pub fn newer_tokens_kill_older(&self, so: bool) {
        self.shared.world().tokens.newer_kills_older = so;
    }

    /// Revokes the access_tokens of the app under test at an organisation.
    pub fn revoke_tokens(&self, corp_id: &str) {
        self.tested(|world, client_id| {
            let now = world.now();
            world.tokens.revoke(&Holder::new(client_id, corp_id), now);
        });
    }

    #[track_caller]
    fn with_suite_tickets(&self, act: fn(&mut World, &str)) {
        done(self.tested(|world, client_id| {
            world.has_suite_tickets(client_id)?;
            act(world, client_id);
            Ok(())
        }));
    }

    /// Calls `act` with the world and the clientId of the app under test.
    fn tested<T>(&self, act: impl FnOnce(&mut World, &str) -> T) -> T {
        let mut world = self.shared.world();
        let client_id = world.under_test().map(|app| app.client_id.clone()).unwrap_or_default();
        act(&mut world, &client_id)
    }
}

#[track_caller]
fn done(outcome: Result<(), String>) {
    if let Err(reason) = outcome {
        panic!("{reason}");
    }
}
