//! DingTalk's many ways of saying no, sorted by what to do about them ("Global error codes" in DingTalk's documentation, and the
//! pages of the calls).

use super::call::Call;
use super::error::{Error, Kind};
use super::identifiers::is_plain;

/// A refusal in the old API: `errcode`, or `sub_code` when `errcode` is 88.
pub(super) fn old(call: Call, code: &str, text: &str) -> Error {
    let kind = match code {
        "40014" | "42001" | "40001" => Kind::TokenRejected,
        "40078" | "40029" | "40102" | "42007" | "41026" => Kind::CodeRejected,
        "-1" => Kind::Busy,
        "90018" | "90002" => Kind::RateLimited,
        "90001" | "90017" => Kind::LimitedForLonger,
        code if matches!(code.parse(), Ok(90003..=90014)) => Kind::LimitedForLonger,
        "90020" => Kind::QuotaSpent,
        "40096" | "40089" | "40088" | "853003" | "853004" => Kind::Credentials,
        "60011" => Kind::Permission(between(text, "requiredScopes=[").or_else(|| between(text, "["))),
        "60020" => Kind::IpNotAllowed(requesting_ip(text)),
        "50002" | "50004" => Kind::UserNotVisible,
        "40079" | "48004" | "70001" | "70003" | "70004" | "50003" | "50005" => Kind::AppStopped,
        "60121" | "33012" | "40003" => Kind::UserUnknown,
        _ => Kind::Unexpected,
    };
    refused(call, kind, code, text)
}

/// A refusal in the new API. 403 alone is ambiguous there, so the code decides and the status only helps.
pub(super) fn new(call: Call, status: u16, code: &str, text: &str, required_scopes: &[String]) -> Error {
    let permission = || Kind::Permission((!required_scopes.is_empty()).then(|| quotable(&required_scopes.join(", "))));
    let kind = match code {
        "InvalidAuthentication" | "invalidAccessToken" | "accesstoken.expired" => Kind::TokenRejected,
        "invalidParameter.authCode.notFound" => Kind::CodeRejected,
        "invalidClientIdOrSecret" | "invalidSuiteKey" | "invalid.client" | "unauthorized.client" => Kind::Credentials,
        "invalidAuthInfo" => Kind::AppStopped,
        "apiPermissionDenied" => permission(),
        code if code.ends_with("AccessTokenPermissionDenied") => permission(),
        code if code.ends_with("IpNotInWhiteList") => Kind::IpNotAllowed(requesting_ip(text)),
        code if code.ends_with("ApiCountLimitForOrg") => Kind::QuotaSpent,
        code if code.contains(".Qps") => Kind::RateLimited,
        code if code.contains(".Qpm") => Kind::LimitedForLonger,
        "qps.exceed.limit" | "request.overlimit" | "request.too.fast" => Kind::LimitedForLonger,
        "invalidParameter.user.notFound" => Kind::UserUnknown,
        _ if status == 429 => Kind::LimitedForLonger,
        _ if status >= 500 => Kind::Busy,
        _ if status == 401 => Kind::TokenRejected,
        _ => Kind::Unexpected,
    };
    refused(call, kind, code, text)
}

fn refused(call: Call, kind: Kind, code: &str, text: &str) -> Error {
    // It hides a permanent mistake behind a passing one: a wrong CorpId or secret has been seen to be answered like this.
    let hint = match code {
        "unknownError" => " (if it stays: check DINGTALK_CORP_ID, DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET)",
        _ => "",
    };
    let Said { code, text } = Said::new(code, text);
    Error::new(call, kind, format!("dingtalk refused with {code}: {text}{hint}"))
}

/// What DingTalk or a client said, fit for a log: short, one line, and nothing in it looks like a credential. They have been seen to
/// print tickets in their explanations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The code.
    pub code: String,
    /// The explanation.
    pub text: String,
}

impl Said {
    /// Takes both as they came.
    pub fn new(code: &str, text: &str) -> Self {
        let code: String = code.chars().filter(char::is_ascii_graphic).collect();
        Self { code: quotable(&code).chars().take(80).collect(), text: quotable(text) }
    }
}

/// Cuts out every long run of the characters that credentials are made of.
fn quotable(text: &str) -> String {
    const CREDENTIAL: usize = 16;
    // What does not show goes first: inside a credential it would hide it.
    let plain: String = text.chars().filter(|c| is_plain(*c)).collect();
    let mut quoted = String::new();
    for word in plain.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) {
        match word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len() {
            long if long >= CREDENTIAL && word.contains(|c: char| c.is_ascii_digit()) => quoted.push('…'),
            _ => quoted.push_str(word),
        }
    }
    quoted.chars().take(200).collect()
}

fn between(text: &str, start: &str) -> Option<String> {
    let (inner, _) = text.split_once(start)?.1.split_once(']')?;
    Some(quotable(inner)).filter(|inner| !inner.is_empty())
}

fn requesting_ip(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("request ip=")?;
    let ip = rest.split([' ', ',', '"', '}']).next()?;
    ip.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old_kind(code: &str, text: &str) -> Kind {
        old(Call::USER_DETAILS, code, text).kind().clone()
    }

    fn new_kind(code: &str, scopes: &[String]) -> Kind {
        new(Call::JSAPI_TICKET, 403, code, "", scopes).kind().clone()
    }

    #[test]
    fn a_missing_permission_is_named_in_both_families() {
        let text = "ding talk error[subcode=60011,submsg=应用尚未开通所需的权限：[qyapi_get_member], {requiredScopes=[qyapi_get_member]}]";
        let expected = Kind::Permission(Some("qyapi_get_member".into()));
        assert_eq!(old_kind("60011", text), expected);
        let code = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
        assert_eq!(new_kind(code, &["qyapi_get_member".into()]), expected);
    }

    #[test]
    fn the_address_that_is_not_allowed_is_named() {
        for (text, ip) in [
            ("访问ip不在白名单之中,request ip=203.0.113.7 appKey(dingxyz)", "203.0.113.7"),
            ("request ip=2001:db8::1 appKey(dingxyz)", "2001:db8::1"),
        ] {
            assert_eq!(old_kind("60020", text), Kind::IpNotAllowed(Some(ip.into())));
        }
    }

    #[test]
    fn a_403_is_sorted_by_its_code() {
        let kinds = ["QpsLimitForApi", "QpmLimitForAppkeyAndApi", "ApiCountLimitForOrg"]
            .map(|end| new_kind(&format!("Forbidden.AccessDenied.{end}"), &[]));
        assert_eq!(kinds, [Kind::RateLimited, Kind::LimitedForLonger, Kind::QuotaSpent]);
    }

    #[test]
    fn nothing_that_looks_like_a_credential_is_quoted() {
        let said = Said::new("52013", "ticketList:[aC7X90bQ11ffeeDD2233], line\nbreak");
        assert_eq!(said.text, "ticketList:[…, linebreak");
        let hidden = Said::new("aC7X90bQ11ffeeDD2233", "aC7X90bQ\u{200B}11ffeeDD\n2233");
        assert_eq!((hidden.code.as_str(), hidden.text.as_str()), ("…", "…"));
    }
}
