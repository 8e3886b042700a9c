//! What can go wrong with DingTalk, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use super::words::Told;
use super::{Call, CorpId};

/// A call to DingTalk that did not succeed. One failed renewal is reported to everybody who waited for it, so errors can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {said}")]
pub struct Error {
    /// The call that failed: the one that was asked for, or one that it needed.
    pub call: Call,
    /// What happened.
    pub kind: Kind,
    pub(super) said: Box<str>,
    pub(super) source: Option<Arc<reqwest::Error>>,
}

/// What happened to a call, sorted by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The access_token was rejected: drop it, fetch another, and try once more.
    TokenRejected,
    /// The authCode is wrong, too old, used, or another app's: DingTalk does not tell which. The page must ask the client for a new one.
    CodeRejected,
    /// DingTalk is busy: try again in a moment.
    Busy,
    /// Too many calls in this second.
    RateLimited,
    /// The call's turn did not come in time; it would take about this much longer. Nothing was sent, or only what DingTalk's gateway
    /// refused.
    NoTurn(Duration),
    /// Too many calls wait for this one to wait too. It may be worth trying again after this time.
    Crowded(Duration),
    /// Too many calls in a longer or unstated window.
    LimitedForLonger,
    /// The organisation's calls for this month are used up.
    QuotaSpent,
    /// No such person.
    UserUnknown,
    /// Client ID and secret do not belong together, or belong to no app.
    Credentials,
    /// This machine's clock differs too much from DingTalk's.
    Clock,
    /// The app lacks a permission; the value is its name, if DingTalk gave it.
    Permission(Option<Box<str>>),
    /// The server's address is not on the app's list of allowed addresses; the value is the address, if DingTalk named it.
    IpNotAllowed(Option<Box<str>>),
    /// The person is outside the app's visible range.
    UserNotVisible,
    /// The app is stopped in the organisation.
    AppStopped,
    /// The organisation has not authorised the app, or does no longer.
    NotAuthorised,
    /// The suite ticket is missing or not the latest.
    SuiteTicket,
    /// The server that was called does not know the call.
    NoSuchCall,
    /// DingTalk was not reached, so nothing happened there.
    NotSent(NoConnection),
    /// The request went out; what became of it is not known.
    AnswerLost,
    /// Something answered, with this HTTP status, that does not speak DingTalk's protocol: a proxy, a broken answer.
    Unintelligible(u16),
    /// A success with a missing or malformed field. A retry would bring the same.
    Malformed,
    /// DingTalk bans this server's address for this time, or something in between answers with a page of its own.
    Banned(Duration),
    /// No call was made, because of a ban that lasts this much longer.
    NotAsked(Duration),
    /// The call was not made or not finished: its task has ended, or no more calls are allowed here (doctor).
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
    /// The host does not answer in time.
    TimedOut,
    /// TLS failed, such as because the server that answers is not the one that it should be.
    Tls,
    /// The proxy is not reached, or opens no tunnel.
    Proxy,
    /// The proxy asks for a user name and password, and does not accept those that are set, if any.
    ProxyLogin,
    /// Something else.
    Other,
}

/// The text before the code in the message of a refusal.
pub(super) const REFUSED: &str = "dingtalk refused with ";

/// The text before the host in the message of a failed connection.
pub(super) const NO_CONNECTION: &str = "no connection to ";

impl Error {
    /// `said` is the text for the log, without secrets.
    pub(super) fn new(call: Call, kind: Kind, said: impl Into<String>) -> Self {
        Self { call, kind, said: said.into().into(), source: None }
    }

    /// The same error, which names the organisation that the call was made for: an app may have many.
    pub(super) fn naming(self, corp_id: &CorpId) -> Self {
        Self { said: format!("{} (organisation {corp_id})", self.said).into(), ..self }
    }

    pub(super) fn interrupted(call: Call) -> Self {
        Self::new(call, Kind::Interrupted, "the call was interrupted")
    }

    /// DingTalk's code, such as `60121`, if it has refused the call: by this an app tells the refusals of its own calls apart.
    pub fn code(&self) -> Option<&str> {
        self.said.strip_prefix(REFUSED)?.split(": ").next()
    }

    /// The host to which there was no connection; empty for any other error.
    pub(super) fn host(&self) -> &str {
        self.said.strip_prefix(NO_CONNECTION).and_then(|said| said.split(": ").next()).unwrap_or_default()
    }

    /// A short name for what happened, from a fixed set.
    pub fn name(&self) -> &'static str {
        self.name_and_advice().0
    }

    /// What to change, and where, in English for the log.
    pub fn fix(&self) -> Option<String> {
        self.advice().map(|advice| advice.english)
    }

    /// The same in both languages.
    pub fn advice(&self) -> Option<Told> {
        self.name_and_advice().1
    }

    /// Whether an administrator must act: [`Error::fix`] says how.
    pub fn misconfigured(&self) -> bool {
        self.name() == "misconfigured"
    }

    /// Whether the authCode was sent and may or may not have been used up. It must not be sent again.
    pub fn code_fate_unknown(&self) -> bool {
        self.call == Call::USER_BY_CODE && matches!(self.kind, Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Interrupted)
    }

    /// Whether no call was made, because of a ban that was logged when it began.
    pub fn not_asked(&self) -> bool {
        matches!(self.kind, Kind::NotAsked(_))
    }

    /// How long to wait after a failure before the next attempt; `usually` for most kinds.
    pub(super) fn rest(&self, usually: Duration) -> Duration {
        /// An organisation does not authorise an app twice a minute, and anybody may cause calls for one that has not authorised it.
        const OF_STRANGERS: Duration = Duration::from_secs(60);
        match self.kind {
            Kind::NotAuthorised => OF_STRANGERS,
            // No call was made, or the next one would be made with a newer suite ticket.
            Kind::SuiteTicket | Kind::NoTurn(_) | Kind::Crowded(_) => usually.min(Duration::from_secs(1)),
            // DingTalk asks for more than a moment.
            Kind::LimitedForLonger => usually.max(self.retry_after()),
            _ => usually,
        }
    }

    /// After how long it may be worth trying again.
    pub fn retry_after(&self) -> Duration {
        match self.kind {
            Kind::Banned(wait) | Kind::NotAsked(wait) | Kind::NoTurn(wait) | Kind::Crowded(wait) => wait,
            Kind::RateLimited => Duration::from_secs(1),
            Kind::LimitedForLonger => Duration::from_secs(60),
            Kind::QuotaSpent => Duration::from_secs(24 * 60 * 60),
            _ => Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_asked_rests_for_a_second_however_often() {
        let rest = |kind| Error::new(Call::CORP_ACCESS_TOKEN, kind, "").rest(Duration::from_secs(30)).as_secs();
        let turn = Duration::from_secs(8);
        assert_eq!([Kind::SuiteTicket, Kind::NoTurn(turn), Kind::Crowded(turn)].map(rest), [1, 1, 1]);
        assert_eq!([Kind::RateLimited, Kind::LimitedForLonger, Kind::NotAuthorised].map(rest), [30, 60, 60]);
    }
}
