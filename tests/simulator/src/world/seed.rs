//! The registrations of the apps that are there from the start.

/// The registration of an app at an organisation, as its developer has it from the console.
#[derive(Debug, Clone, Copy)]
pub struct App {
    /// The organisation that the app belongs to; of a third-party app one that can authorise it.
    pub corp_id: &'static str,
    /// Formerly AppKey; of a custom app CustomKey, of a third-party app SuiteKey.
    pub client_id: &'static str,
    /// Formerly AppSecret; CustomSecret or SuiteSecret.
    pub client_secret: &'static str,
    /// Identifies the app there for `dd.config`.
    pub agent_id: &'static str,
    /// The name shown to people.
    pub name: &'static str,
    /// Signs the events that are pushed over HTTP.
    pub callback_token: &'static str,
    /// Encrypts those events.
    pub callback_aes_key: &'static str,
}

const FIRST: &str = "dingsimulator0001";

/// The organisation's own app.
pub const INTERNAL: App = App {
    corp_id: FIRST,
    client_id: "dingsimulatedapp1",
    client_secret: "simulated-secret-not-for-production",
    agent_id: "1000000001",
    name: "Demo H5 app",
    callback_token: "simulatedtoken1",
    callback_aes_key: "simulated1simulated1simulated1simulated1sim",
};

/// The organisation's own app that a provider develops.
pub const CUSTOM: App = App {
    client_id: "customsimulated01",
    client_secret: "simulated-custom-secret-not-for-production",
    agent_id: "1000000002",
    name: "Custom H5 app",
    callback_token: "simulatedtoken2",
    callback_aes_key: "simulated2simulated2simulated2simulated2sim",
    ..INTERNAL
};

/// The app that both organisations can authorise.
pub const THIRD_PARTY: App = App {
    client_id: "suitesimulated001",
    client_secret: "simulated-suite-secret-not-for-production",
    agent_id: "2000000001",
    name: "Third-party H5 app",
    callback_token: "simulatedtoken3",
    callback_aes_key: "simulated3simulated3simulated3simulated3sim",
    ..INTERNAL
};

/// All apps that are there from the start.
pub const SEEDED: [App; 3] = [INTERNAL, CUSTOM, THIRD_PARTY];
