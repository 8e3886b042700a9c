//! What can go wrong with DingTalk, and what to do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;

/// A call to DingTalk that did not succeed. One failed renewal is reported to everybody who waited for it, so errors can be cloned.
#[derive(Debug, Clone)]
pub struct Error {
    call: Call,
    kind: Kind,
    said: String,
    source: Option<Arc<reqwest::Error>>,
}

/// What happened to a call, sorted by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Drop this access_token, fetch another, try once more.
    TokenRejected,
    /// The authCode is wrong, too old, used, or another app's: DingTalk does not tell which. The page must ask the client for a new one.
    CodeRejected,
    /// Try again in a moment.
    Busy,
    /// Too many calls in this second.
    RateLimited,
    /// Too many calls in a longer or unstated window.
    LimitedForLonger,
    /// The organisation's calls for this month are used up.
    QuotaSpent,
    /// No such person.
    UserUnknown,
    /// Client ID and secret do not belong together, or not to an app.
    Credentials,
    /// The app lacks a permission.
    Permission(Option<String>),
    /// The server's address is not on the app's list.
    IpNotAllowed(Option<String>),
    /// The person is outside the app's visible range.
    UserNotVisible,
    /// The app is stopped, or the organisation has not authorised it.
    AppStopped,
    /// DingTalk was not reached, so nothing happened there.
    NotSent(NoConnection),
    /// The request went out; what became of it is not known.
    AnswerLost,
    /// Something answered that does not speak DingTalk's protocol: a proxy, a broken answer.
    Unintelligible {
        /// HTTP status.
        status: u16,
    },
    /// DingTalk shuts this server's address out, or something between answers with a page of its own.
    Banned {
        /// When it may be worth asking again.
        retry_after: Duration,
    },
    /// No call was made, because of such a ban.
    NotAsked {
        /// When it may be worth asking again.
        retry_after: Duration,
    },
    /// The task that made the call is gone: the program is stopping.
    Interrupted,
    /// DingTalk refused for another reason: most likely a mistake of ours.
    Unexpected,
}

/// Why DingTalk was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// The host's name has no address.
    NameNotFound,
    /// Nobody listens there.
    Refused,
    /// Nobody says anything.
    TimedOut,
    /// Whoever answers is not who they should be.
    Tls,
    /// Something else.
    Other,
}

impl Error {
    /// `said` is the text for the log, without secrets.
    pub(super) fn new(call: Call, kind: Kind, said: impl Into<String>) -> Self {
        Self { call, kind, said: said.into(), source: None }
    }

    pub(super) fn caused_by(mut self, source: reqwest::Error) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(super) fn interrupted(call: Call) -> Self {
        Self::new(call, Kind::Interrupted, "the call was interrupted")
    }

    /// The same error of a call that sends no access_token: what sounds like a bad one is about the secret then.
    pub(super) fn without_token(mut self) -> Self {
        if self.kind == Kind::TokenRejected {
            self.kind = Kind::Credentials;
        }
        self
    }

    /// What happened.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What happened, in one word out of few.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::TokenRejected => "token_rejected",
            Kind::CodeRejected => "code_rejected",
            Kind::Busy => "busy",
            Kind::RateLimited => "rate_limited",
            Kind::LimitedForLonger => "limited_for_longer",
            Kind::QuotaSpent => "quota_spent",
            Kind::UserUnknown => "user_unknown",
            Kind::Credentials | Kind::Permission(_) | Kind::IpNotAllowed(_) | Kind::UserNotVisible | Kind::AppStopped => {
                "misconfigured"
            }
            Kind::NotSent(_) => "not_sent",
            Kind::AnswerLost => "answer_lost",
            Kind::Unintelligible { .. } => "unintelligible",
            Kind::Banned { .. } => "banned",
            Kind::NotAsked { .. } => "not_asked",
            Kind::Interrupted => "interrupted",
            Kind::Unexpected => "unexpected",
        }
    }

    /// The access_token sent with the call is no longer good.
    pub fn token_rejected(&self) -> bool {
        self.kind == Kind::TokenRejected
    }

    /// The authCode is no good: a fresh one may be.
    pub fn code_rejected(&self) -> bool {
        self.kind == Kind::CodeRejected
    }

    /// The call went out and nobody can tell whether DingTalk carried it out.
    pub fn fate_unknown(&self) -> bool {
        matches!(self.kind, Kind::AnswerLost | Kind::Unintelligible { .. } | Kind::Interrupted)
    }

    /// The authCode went out and nobody can tell whether it was used up. It must not be sent again.
    pub fn code_fate_unknown(&self) -> bool {
        self.call == Call::USER_BY_CODE && self.fate_unknown()
    }

    /// The same call may succeed in a moment, and making it twice does no harm. Never true of an authCode exchange.
    pub fn retryable(&self) -> bool {
        self.call.repeatable
            && match self.kind {
                // A handshake that failed will fail again, and a second try is what a downgrade attack hopes for.
                Kind::NotSent(why) => why != NoConnection::Tls,
                Kind::Unintelligible { status } => status >= 500,
                Kind::AnswerLost | Kind::Busy | Kind::RateLimited => true,
                _ => false,
            }
    }

    /// The organisation's calls for this month are used up.
    pub fn quota_spent(&self) -> bool {
        self.kind == Kind::QuotaSpent
    }

    /// DingTalk was not asked at all, for a reason that was logged when it arose.
    pub fn not_asked(&self) -> bool {
        matches!(self.kind, Kind::NotAsked { .. })
    }

    /// An administrator must act: [`Error::fix`] says how.
    pub fn misconfigured(&self) -> bool {
        self.name() == "misconfigured"
    }

    /// When it may be worth asking again.
    pub fn retry_after(&self) -> Duration {
        match self.kind {
            Kind::Banned { retry_after } | Kind::NotAsked { retry_after } => retry_after,
            Kind::RateLimited => Duration::from_secs(1),
            Kind::LimitedForLonger => Duration::from_secs(60),
            Kind::QuotaSpent => Duration::from_secs(24 * 60 * 60),
            _ => Duration::from_secs(5),
        }
    }

    /// What can be mended, and where.
    pub fn fix(&self) -> Option<String> {
        let fix = match &self.kind {
            Kind::Credentials => {
                "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET are not a valid pair: copy both from Developer Console > the app > Credentials and Basic Information"
            }
            Kind::Permission(scopes) => {
                let scopes = scopes.as_deref().unwrap_or("that this call needs");
                return Some(format!(
                    "the app lacks the permission {scopes}: apply for it in Developer Console > the app > Permission Management"
                ));
            }
            Kind::IpNotAllowed(ip) => {
                let ip = ip.as_deref().unwrap_or("this server's address");
                return Some(format!(
                    "calls from {ip} are not allowed: add the address in Developer Console > the app > Security Settings > Server Egress IP"
                ));
            }
            Kind::UserNotVisible => {
                "the user is outside the app's scope: extend it in Developer Console > the app > Version Management and Release > Visible Range"
            }
            Kind::AppStopped => {
                "the app is stopped or not authorised in this organisation: enable it in Admin Console > Workbench > App Management"
            }
            Kind::NotSent(NoConnection::NameNotFound) => {
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and this machine's name resolution"
            }
            Kind::NotSent(NoConnection::Refused) => {
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and whether a firewall turns calls away"
            }
            Kind::NotSent(NoConnection::TimedOut) => {
                "check that a firewall lets this server connect to DingTalk's hosts, port 443"
            }
            Kind::NotSent(NoConnection::Tls) => {
                "check that nothing on the way to DingTalk intercepts TLS, this machine's clock and its CA certificates"
            }
            _ => return None,
        };
        Some(fix.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.said)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
