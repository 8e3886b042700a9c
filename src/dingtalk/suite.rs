//! The oldest calls of a third-party app are signed instead of carrying a token ("Signature method for third-party apps").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Credentials, SuiteTicket};

/// What proves that a call comes from the app: parameters of its address.
pub(super) struct SuiteSignature(pub [(&'static str, String); 4]);

impl SuiteSignature {
    /// Made at `unix_millis`; DingTalk accepts a minute of difference.
    pub fn new(app: &Credentials, ticket: &SuiteTicket, unix_millis: u64) -> Self {
        let timestamp = unix_millis.to_string();
        // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
        #[expect(clippy::expect_used)]
        let mut mac = Hmac::<Sha256>::new_from_slice(app.client_secret.expose().as_bytes()).expect("hmac takes any key");
        mac.update(format!("{timestamp}\n{}", ticket.expose()).as_bytes());
        Self([
            ("accessKey", app.client_id.as_str().to_owned()),
            ("timestamp", timestamp),
            ("suiteTicket", ticket.expose().to_owned()),
            ("signature", STANDARD.encode(mac.finalize().into_bytes())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ClientId, ClientSecret};
    use super::*;

    #[test]
    fn a_call_is_signed_over_its_time_and_the_suite_ticket() {
        let app = Credentials {
            client_id: ClientId::parse("customkey").unwrap(),
            client_secret: ClientSecret::parse("customSecretSAMPLE").unwrap(),
        };
        let SuiteSignature(parameters) =
            SuiteSignature::new(&app, &SuiteTicket::parse("TestSuiteTicket").unwrap(), 1_700_000_000_000);
        assert_eq!(parameters[3], ("signature", "BhlDV+pIiqSg95LVZVDZoGG1ILbIqowst5aMDdhcZAw=".to_owned()));
    }
}
