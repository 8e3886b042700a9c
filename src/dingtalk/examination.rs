//! What an examination of the app asks, and nothing else does. None of it changes anything at DingTalk.

use serde_json::Value;

use super::api::Proof;
use super::{AccessToken, Call, DingTalk, Error, Kind};

impl DingTalk {
    /// Makes so many calls from now on, with all repetitions, and no more.
    pub fn limit_to(&self, calls: u32) {
        self.app.api.transport.limit_to(calls);
    }

    /// By how many seconds DingTalk's clock was ahead of this one in the last answer that told.
    pub fn clock_ahead(&self) -> Option<i64> {
        *self.app.api.ahead.lock()
    }

    /// Whether DingTalk would look at the code of a login.
    pub async fn takes_logins(&self, token: &AccessToken) -> Result<(), Error> {
        answered(self.app.api.send(&Call::LOGIN_PROBE.into(), Proof::Token(token), &Value::Null).await)
    }

    /// Whether the new API answers at all.
    pub async fn answers_new(&self) -> Result<(), Error> {
        answered(self.app.api.send(&Call::NEW_PROBE.into(), Proof::Body, &Value::Null).await)
    }

    /// The same of the old one.
    pub async fn answers_old(&self) -> Result<(), Error> {
        answered(self.app.api.send(&Call::OLD_PROBE.into(), Proof::Body, &Value::Null).await)
    }

    /// Whether DingTalk would open Stream. It is not opened: another one would take events.
    pub async fn opens_stream(&self) -> Result<(), Error> {
        self.stream_address().await.map(drop)
    }
}

/// That something is missing in the call is the answer hoped for.
fn answered(answer: Result<Value, Error>) -> Result<(), Error> {
    match answer {
        Err(Error { kind: Kind::CodeRejected | Kind::Credentials | Kind::Unexpected, .. }) => Ok(()),
        answer => answer.map(drop),
    }
}
