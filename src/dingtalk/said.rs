//! Texts of DingTalk or of a client, made fit for the log: short, one line, and without credentials. Such texts have been seen to contain
//! tickets.

use url::form_urlencoded::byte_serialize;

use super::identifiers::is_plain;

/// A code and its explanation, to be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The code.
    pub code: String,
    /// The explanation.
    pub text: String,
}

/// The most characters of a text that are read.
const MOST_READ: usize = 4096;

impl Said {
    /// Takes both as they came.
    pub fn new(code: &str, text: &str) -> Self {
        let code: String = code.chars().filter(|c| c.is_ascii_graphic() || *c == '…').collect();
        Self { code: quotable(&code).chars().take(80).collect(), text: quotable(text) }
    }
}

/// Replaces each of these secrets by `…`, whatever it looks like: as it is, and encoded as in a query.
pub(super) fn without_secrets<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    // Shorter texts are no real secrets, and replacing them would cut ordinary words to pieces.
    const SHORTEST: usize = 6;
    let known = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
    let forms = known.flat_map(|secret| [secret.to_owned(), byte_serialize(secret.as_bytes()).collect()]);
    forms.fold(plain(text), |text, secret| text.replace(&secret, "…"))
}

/// Replaces by `…` the values that are named as credentials, and whatever looks like a credential: a run of 16 or more letters, digits,
/// `_` and `-` with a digit in it. The run may also have `.`, `+` and `/` if it has capitals and small letters and is no path.
pub(super) fn quotable(text: &str) -> String {
    const LONG: usize = 16;
    let has = |run: &str, kind: fn(&char) -> bool| run.chars().any(|c| kind(&c));
    let is_dense = |run: &str| run.len() >= LONG && has(run, char::is_ascii_digit);
    let is_mixed = |run: &str| is_dense(run) && has(run, char::is_ascii_uppercase) && has(run, char::is_ascii_lowercase);
    let encoded = [("%3D", "="), ("%3d", "="), ("%3A", ":"), ("%3a", ":"), ("%22", "\""), ("%5B", "["), ("%5b", "[")];
    let text = encoded.iter().fold(plain(text), |text, (encoded, sign)| text.replace(encoded, sign));
    let text = without_values(&text);
    let text = without_runs(&text, "_-.+/", |run| is_mixed(run) && !run.starts_with('/'));
    without_runs(&text, "_-", is_dense).chars().take(200).collect()
}

/// Removes invisible characters. This comes first: inside a credential they would keep it from being recognised.
fn plain(text: &str) -> String {
    text.chars().take(MOST_READ).filter(|c| is_plain(*c)).collect()
}

/// Cuts out the values of whatever is called a credential: `access_token=…`, `"ticket": "…"`, `ticketList:[…]`.
fn without_values(text: &str) -> String {
    const NAMES: [&str; 7] = ["token", "ticket", "secret", "password", "authcode", "auth_code", "auth-code"];
    let lower = text.to_ascii_lowercase();
    let end =
        |from: usize, belongs: fn(char) -> bool| text[from..].find(|c| !belongs(c)).map_or(text.len(), |length| from + length);
    let mut kept = String::new();
    let mut at = 0;
    while let Some(found) = NAMES.iter().filter_map(|name| lower[at..].find(name)).min() {
        let named = end(at + found, |c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let begins = end(named, |c| " \"'\\=:：[(".contains(c));
        let ends = match &text[named..begins] {
            sign if sign.contains('[') => end(begins, |c| c != ']'),
            sign if sign.contains(['=', ':', '：', '(']) => end(begins, |c| c.is_ascii_graphic() && !",;&\"'])}\\".contains(c)),
            _ => begins,
        };
        kept.push_str(&text[at..begins]);
        kept.push_str(if ends > begins { "…" } else { "" });
        at = ends;
    }
    kept + &text[at..]
}

/// Cuts out the runs of letters, digits and `more` that are credentials.
fn without_runs(text: &str, more: &str, is_credential: impl Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    for word in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || more.contains(c))) {
        let run = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let (run, rest) = word.split_at(run.len());
        kept.push_str(if is_credential(run) { "…" } else { run });
        kept.push_str(rest);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_looks_like_a_credential_is_quoted() {
        let said = Said::new("52013", "ticketList:[aC7X90bQ11ffeeDD2233], line\nbreak");
        assert_eq!(said.text, "ticketList:[…], linebreak");
        let hidden = Said::new("aC7X90bQ11ffeeDD2233", "aC7X90bQ\u{200B}11ffeeDD\n2233");
        assert_eq!((hidden.code.as_str(), hidden.text.as_str()), ("…", "…"));
    }

    #[test]
    fn what_is_called_a_credential_is_not_quoted_whatever_it_looks_like() {
        for (said, quoted) in [
            ("invalid access_token=abc", "invalid access_token=…"),
            ("at https://oapi.x/gettoken?access_token=ab.cd/ef+gh-ij==&x=1", "at https://oapi.x/gettoken?access_token=…&x=1"),
            ("access_token%3Dletters&y", "access_token=…&y"),
            (r#"{"accessToken": "a.b-c", "appSecret":"x"}"#, r#"{"accessToken": "…", "appSecret":"…"}"#),
            (r#"{\"jsapiTicket\":\"short\"}"#, r#"{\"jsapiTicket\":\"…\"}"#),
            ("ticketList:[aC7X…, other], url:[https://a/]", "ticketList:[…], url:[https://a/]"),
            ("AppSecret：abc，请检查", "AppSecret：…，请检查"),
            ("secret(abc) and password: hunter, tmp_auth_code = c0de", "secret(…) and password: …, tmp_auth_code = …"),
            ("TOKEN='x' Ticket=[y]", "TOKEN='…' Ticket=[…]"),
            ("access_token%3dabc%26x", "access_token=…"),
            ("%7B%22token%22%3A%22abc%22%7D", "%7B\"token\":\"…\"%7D"),
            ("token=>abc, ticket = 'x y'", "token=…, ticket = '… y'"),
            ("suite_ticket:[a],corpAccessToken=b.c", "suite_ticket:[…],corpAccessToken=…"),
            ("client_secret: \"a/b+c\"", "client_secret: \"…\""),
            // With no value there is nothing to cut.
            ("不合法的access_token", "不合法的access_token"),
            ("获取access_token时Secret错误，或者access_token无效", "获取access_token时Secret错误，或者access_token无效"),
            ("access_token is blank", "access_token is blank"),
            ("Code:52013 - Message: x, request ip=203.0.113.7", "Code:52013 - Message: x, request ip=203.0.113.7"),
        ] {
            assert_eq!(Said::new("", said).text, quoted);
        }
    }

    #[test]
    fn a_long_run_with_dots_slashes_or_pluses_is_not_quoted_and_a_path_is() {
        for credential in [
            "eyJhbGci.eyJzdWI3.Sfl5Kx",
            "aB3/dE6+gH9/jK2+mN5",
            "Ab1.Cd2.Ef3.Gh4.Ij5.Kl6",
            "0123456789abcdef",
            "Aa-1_Bb-2_Cc-3_Dd-4",
        ] {
            assert_eq!(Said::new("", &format!("was {credential}, no")).text, "was …, no");
        }
        for word in [
            "dingtalk.oapi.v2.user.notexist",
            "Forbidden.AccessDenied.QpsLimitForApi",
            "/v1.0/oauth2/jsapiTickets",
            "qyapi_get_member",
        ] {
            assert_eq!(Said::new(word, word), Said { code: word.into(), text: word.into() });
        }
    }

    #[test]
    fn a_secret_that_is_known_is_cut_out_whatever_it_looks_like() {
        for secret in ["simple", "letters-only", "a.b.c.d", "a/b+c=d", "UPPER~case!", "two words"] {
            let encoded: String = byte_serialize(secret.as_bytes()).collect();
            let said = without_secrets(&format!("bad {secret}; ?x={encoded}&{secret}{secret}"), ["other-secret", "x", secret]);
            assert_eq!(said, "bad …; ?x=…&……");
        }
        assert_eq!(without_secrets("an \u{200B}x", ["x", ""]), "an x");
    }
}
