//! DingTalk's many ways of saying no, sorted by what to do about them (contract, section 9).

/// An answer in DingTalk's own envelope that is not a success.
#[derive(Debug, Clone, thiserror::Error)]
#[error("dingtalk refused with {code}: {text}{}", hint(code))]
pub struct Refusal {
    /// What to do about it.
    pub class: Class,
    /// `errcode`, `sub_code` or `code`, as sent.
    pub code: String,
    /// DingTalk's explanation: one line, shortened, without anything that looks like a credential.
    pub text: String,
}

/// What a refusal asks of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Drop this access_token, fetch another, try once more.
    TokenRejected,
    /// The page must ask the client for a new authCode.
    CodeRejected,
    /// Try again in a moment.
    Busy,
    /// Too many calls in this second.
    RateLimited,
    /// Too many calls in a longer or unstated window.
    LimitedForLonger,
    /// The organisation's calls for this month are used up.
    QuotaSpent,
    /// An administrator must act.
    Misconfigured(Misconfiguration),
    /// No such person.
    UserUnknown,
    /// Anything else: most likely a mistake of ours.
    Unexpected,
}

impl Class {
    /// The class in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TokenRejected => "token_rejected",
            Self::CodeRejected => "code_rejected",
            Self::Busy => "busy",
            Self::RateLimited => "rate_limited",
            Self::LimitedForLonger => "limited_for_longer",
            Self::QuotaSpent => "quota_spent",
            Self::Misconfigured(_) => "misconfigured",
            Self::UserUnknown => "user_unknown",
            Self::Unexpected => "unexpected",
        }
    }
}

/// What an administrator has to mend, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misconfiguration {
    /// Client ID and secret do not belong together, or not to an app.
    #[error(
        "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET are not a valid pair: copy both from Developer Console > the app > Credentials and Basic Information"
    )]
    Credentials,
    /// The app lacks a permission.
    #[error("the app lacks the permission {}: apply for it in Developer Console > the app > Permission Management", .0.as_deref().unwrap_or("that this call needs"))]
    Permission(Option<String>),
    /// The server's address is not on the app's list.
    #[error("calls from {} are not allowed: add the address in Developer Console > the app > Security Settings > Server Egress IP", .0.as_deref().unwrap_or("this server's address"))]
    IpNotAllowed(Option<String>),
    /// The person is outside the app's visible range.
    #[error(
        "the user is outside the app's scope: extend it in Developer Console > the app > Version Management and Release > Visible Range"
    )]
    UserNotVisible,
    /// The app is stopped, or the organisation has not authorised it.
    #[error("the app is stopped or not authorised in this organisation: enable it in Admin Console > Workbench > App Management")]
    AppStopped,
}

impl Refusal {
    /// Classifies an answer of the old family: `errcode`, or `sub_code` when `errcode` is 88.
    pub(super) fn oapi(code: &str, text: &str) -> Self {
        use Class::*;
        use Misconfiguration::*;
        let class = match code {
            "40014" | "42001" | "40001" => TokenRejected,
            "40078" | "40029" | "40102" | "42007" | "41026" => CodeRejected,
            "-1" => Busy,
            "90018" | "90002" => RateLimited,
            "90001" | "90017" => LimitedForLonger,
            code if matches!(code.parse(), Ok(90003..=90014)) => LimitedForLonger,
            "90020" => QuotaSpent,
            "40096" | "40089" | "40088" | "853003" | "853004" => Misconfigured(Credentials),
            "60011" => Misconfigured(Permission(
                between(text, "requiredScopes=[", ']').or_else(|| between(text, "[", ']')),
            )),
            "60020" => Misconfigured(IpNotAllowed(requesting_ip(text))),
            "50002" | "50004" => Misconfigured(UserNotVisible),
            "40079" | "48004" | "70001" | "70003" | "70004" | "50003" | "50005" => Misconfigured(AppStopped),
            "60121" | "33012" | "40003" => UserUnknown,
            _ => Unexpected,
        };
        Self::new(class, code, text)
    }

    /// Classifies an answer of the new family. 403 alone is ambiguous there, so the code decides and the status only helps.
    pub(super) fn api(status: u16, code: &str, text: &str, required_scopes: &[String]) -> Self {
        use Class::*;
        use Misconfiguration::*;
        let class = match code {
            "InvalidAuthentication" | "invalidAccessToken" | "accesstoken.expired" => TokenRejected,
            "invalidParameter.authCode.notFound" => CodeRejected,
            "invalidClientIdOrSecret" | "invalidSuiteKey" | "invalid.client" | "unauthorized.client" => {
                Misconfigured(Credentials)
            }
            "invalidAuthInfo" => Misconfigured(AppStopped),
            "apiPermissionDenied" => Misconfigured(Permission(scopes(required_scopes))),
            code if code.ends_with("AccessTokenPermissionDenied") => Misconfigured(Permission(scopes(required_scopes))),
            code if code.ends_with("IpNotInWhiteList") => Misconfigured(IpNotAllowed(requesting_ip(text))),
            code if code.ends_with("ApiCountLimitForOrg") => QuotaSpent,
            code if code.contains(".Qps") => RateLimited,
            code if code.contains(".Qpm") => LimitedForLonger,
            "qps.exceed.limit" | "request.overlimit" | "request.too.fast" => LimitedForLonger,
            "invalidParameter.user.notFound" => UserUnknown,
            _ if status == 429 => LimitedForLonger,
            _ if status >= 500 => Busy,
            _ if status == 401 => TokenRejected,
            _ => Unexpected,
        };
        Self::new(class, code, text)
    }

    /// What the client said through `dd.error`. It echoes the tickets it tried, and the page that passes it on is not to be trusted.
    pub fn told_by_client(code: &str, text: &str) -> Self {
        Self::new(Class::Unexpected, code, text)
    }

    fn new(class: Class, code: &str, text: &str) -> Self {
        Self {
            class,
            code: quotable(&code.chars().filter(char::is_ascii_graphic).collect::<String>())
                .chars()
                .take(80)
                .collect(),
            text: quotable(text),
        }
    }
}

/// Some codes hide a permanent mistake behind a passing one: a wrong CorpId or secret has been seen to answer like this (contract 1.3).
fn hint(code: &str) -> &'static str {
    match code {
        "unknownError" => " (if it stays: check DINGTALK_CORP_ID, DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET)",
        _ => "",
    }
}

fn scopes(scopes: &[String]) -> Option<String> {
    (!scopes.is_empty()).then(|| quotable(&scopes.join(", ")))
}

fn between(text: &str, start: &str, end: char) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    let (inner, _) = rest.split_once(end)?;
    Some(quotable(inner)).filter(|inner| !inner.is_empty())
}

fn requesting_ip(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("request ip=")?;
    let ip = rest.split([' ', ',', '"', '}']).next()?;
    ip.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
}

/// Text fit for a log line. DingTalk has been seen to print tickets in its explanations, so every long run of the characters that
/// credentials are made of is cut out.
fn quotable(text: &str) -> String {
    const CREDENTIAL: usize = 16;
    // What does not show goes first: inside a credential it would hide it.
    let plain: String = text.chars().filter(|c| super::identifiers::is_plain(*c)).collect();
    let mut quoted = String::new();
    for word in plain.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) {
        match word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len() {
            long if long >= CREDENTIAL && word.contains(|c: char| c.is_ascii_digit()) => quoted.push('…'),
            _ => quoted.push_str(word),
        }
    }
    quoted.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_named_in_both_families() {
        let text = "ding talk error[subcode=60011,submsg=应用尚未开通所需的权限：[qyapi_get_member], {requiredScopes=[qyapi_get_member]}]";
        let expected = Class::Misconfigured(Misconfiguration::Permission(Some("qyapi_get_member".into())));
        assert_eq!(Refusal::oapi("60011", text).class, expected);
        let code = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
        assert_eq!(Refusal::api(403, code, "", &["qyapi_get_member".into()]).class, expected);
    }

    #[test]
    fn the_address_that_is_not_allowed_is_named() {
        for (text, ip) in [
            ("访问ip不在白名单之中,request ip=203.0.113.7 appKey(dingxyz)", "203.0.113.7"),
            ("request ip=2001:db8::1 appKey(dingxyz)", "2001:db8::1"),
        ] {
            let expected = Class::Misconfigured(Misconfiguration::IpNotAllowed(Some(ip.into())));
            assert_eq!(Refusal::oapi("60020", text).class, expected);
        }
    }

    #[test]
    fn a_403_is_sorted_by_its_code() {
        let classes = ["QpsLimitForApi", "QpmLimitForAppkeyAndApi", "ApiCountLimitForOrg"]
            .map(|end| Refusal::api(403, &format!("Forbidden.AccessDenied.{end}"), "", &[]).class);
        assert_eq!(classes, [Class::RateLimited, Class::LimitedForLonger, Class::QuotaSpent]);
    }

    #[test]
    fn nothing_that_looks_like_a_credential_is_quoted() {
        let refusal = Refusal::oapi("52013", "ticketList:[aC7X90bQ11ffeeDD2233], line\nbreak");
        assert_eq!(refusal.text, "ticketList:[…, linebreak");
        let hidden = Refusal::told_by_client("aC7X90bQ11ffeeDD2233", "aC7X90bQ\u{200B}11ffeeDD\n2233");
        assert_eq!((hidden.code.as_str(), hidden.text.as_str()), ("…", "…"));
    }
}
