//! Identifiers, which anybody may see, and secrets, which nobody may. Each is checked once, where it enters the program.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

/// Why a text is not the identifier or secret it was taken for. Never carries the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// The text is longer than any that DingTalk hands out.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The text has a character, or a sequence of characters, that no identifier or secret of its kind has.
    #[error("it has a character that does not belong there")]
    Character,
}

fn check(text: &str, max: usize, allowed: fn(&str) -> bool) -> Result<(), Malformed> {
    match text {
        _ if text.trim().is_empty() => Err(Malformed::Empty),
        _ if text.len() > max => Err(Malformed::TooLong(max)),
        _ if !allowed(text) => Err(Malformed::Character),
        _ => Ok(()),
    }
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Anybody may send an authCode, and DingTalk does not document its alphabet. So the characters of both base64 alphabets are allowed and
/// no others (no `.`, no `~`), and a slash neither at the beginning nor twice in a row. Otherwise a firewall in front of DingTalk that
/// saw a path or an attack in it would answer in DingTalk's place.
fn is_code(text: &str) -> bool {
    let is_path = text.starts_with('/') || text.contains("//");
    !is_path && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte))
}

/// Whether a character shows, and shows only itself: no controls, no line separators, nothing that reorders the text around it or is
/// invisible (Unicode's bidirectional controls and Default_Ignorable_Code_Point).
pub(super) fn is_plain(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}');
    !c.is_control() && !is_invisible
}

/// Whether there is anything to be seen of it: not only blanks, some of which are no white space, and marks without a letter.
pub(super) fn shows(text: &str) -> bool {
    let is_blank = |c: char| {
        c.is_whitespace()
            || matches!(c, '\u{2800}' | '\u{FFFC}' | '\u{13430}'..='\u{1343F}' | '\u{13441}'..='\u{13442}' | '\u{1D159}')
    };
    let is_mark = |c: char| !c.is_ascii() && format!("a{c}").graphemes(true).count() == 1;
    text.chars().any(|c| is_plain(c) && !is_blank(c) && !is_mark(c))
}

macro_rules! checked {
    ($name:ident($inner:ident), $read:ident, $max:literal, $allowed:expr) => {
        impl $name {
            /// Takes `text` if it can be one.
            pub fn parse(text: impl Into<String>) -> Result<Self, Malformed> {
                let this = Self($inner::from(text.into()));
                check(this.$read(), $max, $allowed).map(|()| this)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                Self::parse(text)
            }
        }
    };
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident: at most $max:literal bytes of $allowed:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        checked!($name(String), as_str, $max, $allowed);

        impl $name {
            /// The identifier as DingTalk writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

/// Show nothing in `Debug`, are wiped when dropped, and are exposed only on the line that sends them.
macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident: at most $max:literal bytes of $allowed:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(SecretString);

        checked!($name(SecretString), expose, $max, $allowed);

        impl $name {
            pub(super) fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }
    )+};
}

identifiers! {
    /// An organisation.
    CorpId: at most 128 bytes of |text| is_graphic(text) && !text.contains('$');
    /// The public half of the app's credential pair (formerly AppKey).
    ClientId: at most 128 bytes of is_graphic;
    /// The app's capability in one organisation; `dd.config` needs it.
    AgentId: at most 32 bytes of |text| text.bytes().all(|byte| byte.is_ascii_digit());
    /// A person in one organisation. Administrators may choose it, so it is not only letters and digits.
    UserId: at most 256 bytes of |text| text.chars().all(is_plain) && shows(text);
}

secrets! {
    /// The secret half of the app's credential pair (formerly AppSecret).
    ClientSecret: at most 512 bytes of is_graphic;
    /// The token for calling DingTalk's server API.
    AccessToken: at most 2048 bytes of is_graphic;
    /// What DingTalk pushes to a third-party app about every five hours, and takes back as proof that the app is still there.
    SuiteTicket: at most 512 bytes of is_graphic;
    /// The ticket that opens one Stream connection, for events.
    StreamTicket: at most 2048 bytes of is_graphic;
    /// The credential that JSAPI configurations are signed with.
    JsapiTicket: at most 2048 bytes of is_graphic;
    /// The one-time code, five minutes old at most, that the client hands to the page and DingTalk exchanges for a userid.
    AuthCode: at most 512 bytes of is_code;
}

/// A credential that several processes share. It is checked again when it comes from another process.
pub(super) trait Credential: TryFrom<String> + Send + Sync {
    /// No value is used for longer than this since it was first seen, however often it is granted again.
    const OLDEST: Option<Duration> = None;
    /// It is used for so long even if it was granted for less.
    const SHORTEST: Duration = Duration::ZERO;

    /// The value, to be passed on to other processes.
    fn to_shared(&self) -> SecretString;
}

impl Credential for AccessToken {
    /// DingTalk grants two hours, so a shorter lifetime is a mistake, and would make every login fetch a token, which DingTalk forbids. If
    /// the token has expired after all, DingTalk rejects it, and it is replaced then. A jsapi_ticket is different: nothing tells this
    /// server that it has expired, and near the end of its 24 hours its remaining lifetime really is short.
    const SHORTEST: Duration = Duration::from_secs(5 * 60);

    fn to_shared(&self) -> SecretString {
        self.0.clone()
    }
}

impl Credential for JsapiTicket {
    /// A jsapi_ticket expires a day after it was created, even if it was renewed.
    const OLDEST: Option<Duration> = Some(Duration::from_secs(24 * 60 * 60));

    fn to_shared(&self) -> SecretString {
        self.0.clone()
    }
}

impl SuiteTicket {
    /// The text of the ticket, to be stored encrypted.
    pub fn to_be_sealed(&self) -> &str {
        self.expose()
    }
}

impl AuthCode {
    /// A digest that recognises the authCode again, so that the code itself is not stored.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_of_the_home_page_is_not_a_corp_id() {
        assert_eq!(CorpId::parse("$CORPID$"), Err(Malformed::Character));
    }

    #[test]
    fn a_user_id_is_never_empty_huge_or_unprintable() {
        for blank in ["", " ", "   ", "\u{3000}", " \u{A0}\u{2003}"] {
            assert_eq!(UserId::parse(blank), Err(Malformed::Empty), "{blank:?}");
        }
        assert_eq!(UserId::parse("x".repeat(10_240)), Err(Malformed::TooLong(256)));
        for hostile in [
            "a\nb",
            "a\0",
            "\u{202E}a",
            "a\u{2028}",
            "\u{200B}",
            "al\u{AD}ice",
            "\u{3164}",
            "a\u{E0061}",
            "\u{2800}",
            "\u{1D159}",
        ] {
            assert_eq!(UserId::parse(hostile), Err(Malformed::Character), "{hostile:?}");
        }
        assert!(UserId::parse("manager 4220-张三").is_ok());
    }

    #[test]
    fn nothing_of_a_secret_shows_in_debug() {
        let code = AuthCode::parse("a-code-to-look-for").unwrap();
        assert!(!format!("{code:?}").contains("look-for"));
    }

    #[test]
    fn a_code_has_the_characters_of_base64_and_is_no_path() {
        let attacks =
            ["../../x", "..", "a.b", "/etc/passwd", "a//b", "//x", "/", "~root", "%2e%2e%2f", "${jndi:x}", "1;ls", "a\\b", "a?b"];
        for bad in ["", " ", "a\r\nb", "a\0b", "a b", "\ta", "é", "<script>", "' or '1'='1"].into_iter().chain(attacks) {
            assert!(AuthCode::parse(bad).is_err(), "{bad:?}");
        }
        assert!(AuthCode::parse("x".repeat(513)).is_err());
        for good in ["c", "0123456789abcdef0123456789abcdef", "a+b/c==", "a/b/c", "a-b_c", &"x".repeat(512)] {
            assert!(AuthCode::parse(good).is_ok(), "{good:?}");
        }
    }
}
