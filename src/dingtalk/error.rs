//! What can go wrong with DingTalk, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::refusal::{Class, Misconfiguration, Refusal};

/// A call to DingTalk that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{endpoint}: {cause}")]
pub struct Error {
    /// The call.
    pub endpoint: Endpoint,
    /// What happened to it.
    #[source]
    pub cause: Cause,
}

/// What happened to a call. Causes are shared: one failed renewal is reported to everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// DingTalk was not reached, so nothing happened there.
    #[error("no connection")]
    NotSent(#[source] Arc<reqwest::Error>),
    /// The request went out; what became of it is not known.
    #[error("the answer was lost")]
    AnswerLost(#[source] Arc<reqwest::Error>),
    /// Something answered that does not speak DingTalk's protocol: a proxy, a ban page, a broken answer.
    #[error("status {status}: {reason}")]
    Unintelligible {
        /// HTTP status.
        status: u16,
        /// Why it cannot be understood.
        reason: &'static str,
    },
    /// DingTalk said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The task that made the call is gone: the program is stopping.
    #[error("the call was interrupted")]
    Interrupted,
}

impl Error {
    pub(super) fn new(endpoint: Endpoint, cause: impl Into<Cause>) -> Self {
        Self {
            endpoint,
            cause: cause.into(),
        }
    }

    fn class(&self) -> Option<&Class> {
        match &self.cause {
            Cause::Refused(refusal) => Some(&refusal.class),
            _ => None,
        }
    }

    /// The access_token sent with the call is no longer good.
    pub fn token_rejected(&self) -> bool {
        matches!(self.class(), Some(Class::TokenRejected))
    }

    /// The authCode is wrong, too old, used, or another app's: DingTalk does not tell which (contract 5.3).
    pub fn code_rejected(&self) -> bool {
        matches!(self.class(), Some(Class::CodeRejected))
    }

    /// The authCode went out and nobody can tell whether it was used up. It must not be sent again.
    pub fn code_fate_unknown(&self) -> bool {
        self.endpoint == Endpoint::UserByCode
            && match self.cause {
                Cause::AnswerLost(_) | Cause::Unintelligible { .. } | Cause::Interrupted => true,
                Cause::NotSent(_) | Cause::Refused(_) => false,
            }
    }

    /// The same call may succeed in a moment, and making it twice does no harm. Never true of an authCode exchange.
    pub fn retryable(&self) -> bool {
        self.endpoint != Endpoint::UserByCode
            && match &self.cause {
                Cause::NotSent(source) => !is_tls(source),
                Cause::AnswerLost(_) => true,
                Cause::Unintelligible { status, .. } => *status >= 500,
                Cause::Refused(refusal) => matches!(refusal.class, Class::Busy),
                Cause::Interrupted => false,
            }
    }

    /// What an administrator has to mend, when that is the trouble.
    pub fn misconfiguration(&self) -> Option<&Misconfiguration> {
        match self.class() {
            Some(Class::Misconfigured(what)) => Some(what),
            _ => None,
        }
    }

    /// When it may be worth asking again.
    pub fn retry_after(&self) -> Duration {
        match self.class() {
            Some(Class::RateLimited) => Duration::from_secs(1),
            Some(Class::LimitedForLonger) => Duration::from_secs(60),
            Some(Class::QuotaSpent) => Duration::from_secs(24 * 60 * 60),
            _ => Duration::from_secs(5),
        }
    }
}

/// A handshake that failed will fail again, and a second try is what a downgrade attack hopes for.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if cause.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        source = cause.source();
    }
    false
}
