//! What must never be seen: it shows nothing in `Debug`, is wiped when dropped, and is exposed only on the line that sends it.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Why a text is not the secret it was taken for. Never carries the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// The text is longer than any that DingTalk hands out.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The text has a character that no such secret has.
    #[error("it has a character that does not belong there")]
    Character,
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, at most $max:literal bytes, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Takes `text` if it can be such a secret: the right characters, not empty, bounded.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidSecret> {
                let text = SecretString::from(text.into());
                match text.expose_secret() {
                    "" => Err(InvalidSecret::Empty),
                    long if long.len() > $max => Err(InvalidSecret::TooLong($max)),
                    odd if !odd.chars().all($allowed) => Err(InvalidSecret::Character),
                    _ => Ok(Self(text)),
                }
            }

            pub(super) fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }
    };
}

secret!(
    /// The secret half of the app's credential pair (formerly AppSecret).
    ClientSecret, at most 512 bytes, |c| c.is_ascii_graphic()
);
secret!(
    /// The ticket for calling DingTalk's server API.
    AccessToken, at most 2048 bytes, |c| c.is_ascii_graphic()
);
secret!(
    /// The credential that JSAPI configurations are signed with.
    JsapiTicket, at most 2048 bytes, |c| c.is_ascii_graphic()
);
secret!(
    /// The one-time code, five minutes old at most, that the client hands to the page and DingTalk exchanges for a userid. Anybody may
    /// send one, so it has the characters of tokens (RFC 9110, 11.2) and none that a firewall before DingTalk could take for an attack.
    AuthCode, at most 512 bytes, |c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
);

impl AuthCode {
    /// A digest by which the code is recognised again without being kept.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_shows_in_debug() {
        let code = AuthCode::parse("a-code-to-look-for").unwrap();
        assert!(!format!("{code:?}").contains("look-for"));
    }

    #[test]
    fn a_code_with_line_breaks_nul_or_nothing_in_it_is_refused() {
        for bad in ["", "a\r\nb", "a\0b", "a b", "é", "<script>", "' or '1'='1"] {
            assert!(AuthCode::parse(bad).is_err(), "{bad:?}");
        }
        assert!(AuthCode::parse("x".repeat(513)).is_err());
    }
}
