//! A [`Call`] is a value: which API is called, and how. A [`Target`] is a call with the parameters of one request.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

/// One call: where it goes, how it is authorised and read, and whether it may be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The call's name in metrics.
    pub name: &'static str,
    /// By reference, since a call is part of every error, and copied.
    pub(super) method: &'static Method,
    /// The path as in DingTalk's documentation, with `{…}` for a segment that is a parameter.
    pub(super) path: &'static str,
    pub(super) family: Family,
    pub(super) repeatable: bool,
    pub(super) kept_for: Option<Duration>,
}

/// DingTalk's two APIs, each with its own host, place for the access_token, and form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// `https://oapi.dingtalk.io/topapi/…`; the oldest calls have no `topapi`.
    Old,
    /// `https://api.dingtalk.io/v1.0/…`
    New,
}

impl Call {
    /// Fetches the access_token of an internal app: while it is valid, the same one comes back, renewed.
    pub const ACCESS_TOKEN: Self = Self::new("access_token", "/v1.0/oauth2/accessToken").repeatable();
    /// Fetches the access_token of a custom or third-party app: each call brings another one.
    pub const CORP_ACCESS_TOKEN: Self = Self::new("corp_access_token", "/v1.0/oauth2/corpAccessToken").repeatable();
    /// Which app an organisation has authorised, and its AgentId there: another one, if the organisation has installed the app anew.
    pub const AUTH_INFO: Self = Self::old("auth_info", "/service/get_auth_info").kept_for(Duration::from_secs(5));
    /// Fetches the jsapi_ticket: the same one comes back, renewed, until it is 24 hours old.
    pub const JSAPI_TICKET: Self = Self::new("jsapi_ticket", "/v1.0/oauth2/jsapiTickets").repeatable();
    /// Asks where to connect for events (Stream).
    pub const STREAM: Self = Self::new("stream", "/v1.0/gateway/connections/open");
    /// Stands for that connection itself in errors.
    pub const STREAM_HOST: Self = Self::new("stream", "Stream");
    /// Uses up the authCode, unless DingTalk's gateway refuses the call before anything looks at it.
    pub const USER_BY_CODE: Self = Self::old("user_by_code", "/topapi/v2/user/getuserinfo");
    /// Needs the permission qyapi_get_member.
    pub const USER_DETAILS: Self = Self::old("user_details", "/topapi/v2/user/get").kept_for(Duration::from_secs(60));

    /// The login call without an authCode: shows whether DingTalk would look at one.
    pub(crate) const LOGIN_PROBE: Self = Self::old("probe", Self::USER_BY_CODE.path);
    /// A call of the old API that asks for nothing, so that it needs no access_token.
    pub(crate) const OLD_PROBE: Self = Self::old("probe", "/gettoken");
    /// The same for the new API.
    pub(crate) const NEW_PROBE: Self = Self::new("probe", Self::ACCESS_TOKEN.path);

    /// Whether logins depend on this call: if it is not answered, nobody can log in.
    pub(super) fn is_of_logins(self) -> bool {
        let is_probe = matches!(self, Self::LOGIN_PROBE | Self::OLD_PROBE | Self::NEW_PROBE);
        is_probe || matches!(self, Self::ACCESS_TOKEN | Self::CORP_ACCESS_TOKEN | Self::USER_BY_CODE)
    }

    /// A POST to the old API. `name` stands for it in metrics.
    pub const fn old(name: &'static str, path: &'static str) -> Self {
        Self { name, method: &Method::POST, path, family: Family::Old, repeatable: false, kept_for: None }
    }

    /// A POST to the new API. `name` stands for it in metrics. A part of `path` may be a parameter, such as `{userId}`: see [`Call::at`].
    pub const fn new(name: &'static str, path: &'static str) -> Self {
        Self { name, method: &Method::POST, path, family: Family::New, repeatable: false, kept_for: None }
    }

    /// The same as a GET, which has no body.
    pub const fn get(self) -> Self {
        Self { method: &Method::GET, ..self }
    }

    /// The same as a PUT.
    pub const fn put(self) -> Self {
        Self { method: &Method::PUT, ..self }
    }

    /// The same as a DELETE.
    pub const fn delete(self) -> Self {
        Self { method: &Method::DELETE, ..self }
    }

    /// This call with the parameters of its path, in their order. Each is encoded into one segment of the path, whatever it contains. Too
    /// few, too many, an empty one, `.` and `..` are an error of [`Organisation::call`](super::Organisation::call).
    pub fn at<const N: usize>(self, parameters: [&str; N]) -> Target {
        Target::new(self, &parameters)
    }

    /// This call, which has no parameters in its path, with one in its query.
    pub fn query(self, name: &'static str, value: impl fmt::Display) -> Target {
        Target::from(self).query(name, value)
    }

    /// The same call, marked as harmless to make twice: it is retried while the failure looks temporary.
    pub const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// The same call, marked as one that only reads: its answer is cached for `time`. Equal calls in that time get the cached answer, and
    /// equal calls at the same moment share one request. For what pages show: people load a page as often as they like, and all calls
    /// count together.
    pub const fn kept_for(self, time: Duration) -> Self {
        Self { repeatable: true, kept_for: Some(time), ..self }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            &Method::POST => f.write_str(self.path),
            method => write!(f, "{method} {}", self.path),
        }
    }
}

/// Where one request goes: a call, and the parameters in its path and query. Made by [`Call::at`] and [`Call::query`].
///
/// The parameters belong to this one request. Metrics, rate limits and the log go by the [`Call`], so that no userid becomes a metric, a
/// limit of its own or a text in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub(super) call: Call,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    /// Why it cannot be sent, if so; without the value of a parameter.
    pub(super) flaw: Option<&'static str>,
}

impl Target {
    /// All but the unreserved characters (RFC 3986, section 2.3), so that no character of a value ends the segment that it stands in.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    pub(super) fn new(call: Call, parameters: &[&str]) -> Self {
        let mut values = parameters.iter();
        let filled = |part: &str| match part.starts_with('{') {
            true => values.next().map(|value| utf8_percent_encode(value, Self::ENCODED).to_string()).unwrap_or_default(),
            false => part.to_owned(),
        };
        let path = call.path.split('/').map(filled).collect::<Vec<_>>().join("/");
        let flaw = match parameters.len().cmp(&call.path.matches("/{").count()) {
            Ordering::Less => Some("its path has more parameters than it was given"),
            Ordering::Greater => Some("its path has fewer parameters than it was given"),
            // These would change the path, even encoded (URL Standard, "double-dot URL path segment").
            Ordering::Equal if parameters.iter().any(|value| matches!(*value, "" | "." | "..")) => {
                Some("a parameter of its path is empty or made of dots")
            }
            Ordering::Equal => None,
        };
        Self { call, path, query: Vec::new(), flaw }
    }

    /// The same with one more parameter in its query.
    pub fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The bytes that its texts take in the cache.
    pub(super) fn bytes(&self) -> usize {
        self.path.len() + self.query.iter().map(|(_, value)| value.len()).sum::<usize>()
    }
}

impl From<Call> for Target {
    fn from(call: Call) -> Self {
        Self::new(call, &[])
    }
}

impl From<&Call> for Target {
    fn from(call: &Call) -> Self {
        Self::from(*call)
    }
}
