//! What can go wrong with DingTalk, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use super::words::Told;

/// A call to DingTalk that did not succeed. One failed renewal is reported to everybody who waited for it, so errors can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {said}")]
pub struct Error {
    pub(super) call: Call,
    /// What happened.
    pub kind: Kind,
    pub(super) said: Box<str>,
    pub(super) source: Option<Arc<reqwest::Error>>,
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
    /// Its turn did not come in time; about so long is still to go. Nothing was sent that counts.
    NoTurn(Duration),
    /// So many calls wait that this one could not. It may be better after this time.
    Crowded(Duration),
    /// Too many calls in a longer or unstated window.
    LimitedForLonger,
    /// The organisation's calls for this month are used up.
    QuotaSpent,
    /// No such person.
    UserUnknown,
    /// Client ID and secret do not belong together, or not to an app.
    Credentials,
    /// This machine's clock is not DingTalk's.
    Clock,
    /// The app lacks a permission.
    Permission(Option<String>),
    /// The server's address is not on the app's list.
    IpNotAllowed(Option<String>),
    /// The person is outside the app's visible range.
    UserNotVisible,
    /// The app is stopped in the organisation.
    AppStopped,
    /// The organisation has not authorised the app, or does no longer.
    NotAuthorised,
    /// The suite ticket is missing or not the latest.
    SuiteTicket,
    /// Nobody knows the call where it went.
    NoSuchCall,
    /// DingTalk was not reached, so nothing happened there.
    NotSent(NoConnection),
    /// The request went out; what became of it is not known.
    AnswerLost,
    /// Something answered, with this HTTP status, that does not speak DingTalk's protocol: a proxy, a broken answer.
    Unintelligible(u16),
    /// A success, of which a field is not what it must be. Asking again brings the same.
    Malformed,
    /// DingTalk shuts this server's address out for so long, or something between answers with a page of its own.
    Banned(Duration),
    /// No call was made, because of a ban that lasts so long.
    NotAsked(Duration),
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
    /// The proxy is not reached, or opens no tunnel.
    Proxy,
    /// The proxy wants to know who asks, and does not know this user and password.
    ProxyLogin,
    /// Something else.
    Other,
}

/// What stands before the code, in the words of a refusal.
pub(super) const REFUSED: &str = "dingtalk refused with ";

/// What stands before the host, in the words for where there is no way.
pub(super) const NO_CONNECTION: &str = "no connection to ";

impl Error {
    /// `said` is the text for the log, without secrets.
    pub(super) fn new(call: Call, kind: Kind, said: impl Into<String>) -> Self {
        Self { call, kind, said: said.into().into(), source: None }
    }

    pub(super) fn interrupted(call: Call) -> Self {
        Self::new(call, Kind::Interrupted, "the call was interrupted")
    }

    /// What DingTalk calls it, such as `60121`, if it has refused the call: an app tells the refusals of its own calls apart by that.
    pub fn code(&self) -> Option<&str> {
        self.said.strip_prefix(REFUSED)?.split(':').next()
    }

    /// Where there is no way to.
    pub(super) fn host(&self) -> &str {
        self.said.strip_prefix(NO_CONNECTION).and_then(|said| said.split(": ").next()).unwrap_or_default()
    }

    /// What happened, in one word out of few.
    pub fn name(&self) -> &'static str {
        self.name_and_advice().0
    }

    /// What can be mended, and where, for the log.
    pub fn fix(&self) -> Option<String> {
        self.advice().map(|advice| advice.english)
    }

    /// The same in both languages.
    pub fn advice(&self) -> Option<Told> {
        self.name_and_advice().1
    }

    /// An administrator must act: [`Error::fix`] says how.
    pub fn misconfigured(&self) -> bool {
        self.name() == "misconfigured"
    }

    /// The authCode went out and nobody can tell whether it was used up. It must not be sent again.
    pub fn code_fate_unknown(&self) -> bool {
        self.call == Call::USER_BY_CODE && matches!(self.kind, Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Interrupted)
    }

    /// DingTalk was not asked at all, for a reason that was logged when it arose.
    pub fn not_asked(&self) -> bool {
        matches!(self.kind, Kind::NotAsked(_))
    }

    /// Whether it is this call that failed, and not one that it needed.
    pub fn is_of(&self, call: Call) -> bool {
        self.call == call
    }

    /// How long nobody need ask again after a failure, if `usually` that long.
    pub(super) fn rest(&self, usually: Duration) -> Duration {
        /// Nobody authorises an app twice a minute, and anybody may ask for an organisation that has not.
        const OF_STRANGERS: Duration = Duration::from_secs(60);
        match self.kind {
            Kind::NotAuthorised => OF_STRANGERS,
            // No call was made, or another would be made with the next ticket.
            Kind::SuiteTicket | Kind::NoTurn(_) | Kind::Crowded(_) => usually.min(Duration::from_secs(1)),
            // DingTalk asks for more than a moment.
            Kind::LimitedForLonger => usually.max(self.retry_after()),
            _ => usually,
        }
    }

    /// When it may be worth asking again.
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
