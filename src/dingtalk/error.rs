//! What can go wrong with DingTalk, and what to do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::refusal::{Class, Misconfiguration, Refusal};

/// A call to DingTalk that did not succeed.
#[derive(Debug, Clone)]
pub struct Error {
    /// The call.
    pub endpoint: Endpoint,
    /// What happened to it.
    pub cause: Cause,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.cause)
    }
}

impl std::error::Error for Error {
    /// What is behind the cause, since the cause itself is in the text already.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
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
    /// DingTalk shuts this server's address out, or something between answers with a page of its own.
    #[error("a ban page instead of an answer")]
    Banned {
        /// When it may be worth asking again.
        retry_after: Duration,
    },
    /// No call was made, because of such a ban.
    #[error("no call is made while dingtalk shuts this address out")]
    NotAsked {
        /// When it may be worth asking again.
        retry_after: Duration,
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

    /// What happened, in one word out of few.
    pub fn kind(&self) -> &'static str {
        match &self.cause {
            Cause::NotSent(_) => "not_sent",
            Cause::AnswerLost(_) => "answer_lost",
            Cause::Unintelligible { .. } => "unintelligible",
            Cause::Banned { .. } => "banned",
            Cause::NotAsked { .. } => "not_asked",
            Cause::Interrupted => "interrupted",
            Cause::Refused(refusal) => refusal.class.name(),
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
                Cause::NotSent(_) | Cause::Banned { .. } | Cause::NotAsked { .. } | Cause::Refused(_) => false,
            }
    }

    /// The same call may succeed in a moment, and making it twice does no harm. Never true of an authCode exchange.
    pub fn retryable(&self) -> bool {
        self.endpoint != Endpoint::UserByCode
            && match &self.cause {
                Cause::NotSent(source) => !is_tls(source),
                Cause::AnswerLost(_) => true,
                Cause::Unintelligible { status, .. } => *status >= 500,
                Cause::Refused(refusal) => matches!(refusal.class, Class::Busy | Class::RateLimited),
                Cause::Banned { .. } | Cause::NotAsked { .. } | Cause::Interrupted => false,
            }
    }

    /// The organisation's calls for this month are used up.
    pub fn quota_spent(&self) -> bool {
        matches!(self.class(), Some(Class::QuotaSpent))
    }

    /// DingTalk was not asked at all, for a reason that was logged when it arose.
    pub fn not_asked(&self) -> bool {
        matches!(self.cause, Cause::NotAsked { .. })
    }

    /// How long to wait before the same call at least: DingTalk counts some limits by the second (contract, section 11).
    pub(super) fn shortest_pause(&self) -> Duration {
        match self.class() {
            Some(Class::RateLimited) => Duration::from_secs(1),
            _ => Duration::ZERO,
        }
    }

    /// The same error of a call that sends no access_token: what sounds like a bad one is about the secret then.
    pub(super) fn without_token(mut self) -> Self {
        if let Cause::Refused(refusal) = &mut self.cause
            && refusal.class == Class::TokenRejected
        {
            refusal.class = Class::Misconfigured(Misconfiguration::Credentials);
        }
        self
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
        if let Cause::Banned { retry_after } | Cause::NotAsked { retry_after } = self.cause {
            return retry_after;
        }
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
