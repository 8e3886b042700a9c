//! The public names of things in DingTalk. Each is checked once, where it enters the program.

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier it was taken for. Never carries the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// The text is longer than any that DingTalk hands out.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The text has a character that no such identifier has.
    #[error("it has a character that does not belong there")]
    Character,
}

fn check(text: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), InvalidIdentifier> {
    if text.is_empty() {
        return Err(InvalidIdentifier::Empty);
    }
    if text.len() > max {
        return Err(InvalidIdentifier::TooLong(max));
    }
    if !text.chars().all(allowed) {
        return Err(InvalidIdentifier::Character);
    }
    Ok(())
}

/// Whether a character shows, and shows only itself: no controls, no line separators, none of the marks that reorder or hide
/// the text around them (Unicode bidirectional controls, zero-width characters).
pub(super) fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, at most $max:literal bytes, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes `text` if it can be such an identifier.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                check(&text, $max, $allowed)?;
                Ok(Self(text))
            }

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

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }
    };
}

identifier!(
    /// An organisation.
    CorpId, at most 128 bytes, |c| c.is_ascii_graphic() && c != '$'
);
identifier!(
    /// The public half of the app's credential pair (formerly AppKey).
    ClientId, at most 128 bytes, |c| c.is_ascii_graphic()
);
identifier!(
    /// The app's capability in one organisation; `dd.config` needs it.
    AgentId, at most 32 bytes, |c| c.is_ascii_digit()
);
identifier!(
    /// A person in one organisation. Administrators may choose it, so it is not only letters and digits.
    UserId, at most 256 bytes, is_plain
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_of_the_home_page_is_not_a_corp_id() {
        assert_eq!(CorpId::parse("$CORPID$"), Err(InvalidIdentifier::Character));
    }

    #[test]
    fn a_user_id_is_never_empty_huge_or_unprintable() {
        assert_eq!(UserId::parse(""), Err(InvalidIdentifier::Empty));
        assert_eq!(UserId::parse("x".repeat(10_240)), Err(InvalidIdentifier::TooLong(256)));
        for hostile in ["a\nb", "a\0", "\u{202E}a", "a\u{2028}", "\u{200B}"] {
            assert_eq!(UserId::parse(hostile), Err(InvalidIdentifier::Character), "{hostile:?}");
        }
        assert!(UserId::parse("manager 4220-张三").is_ok());
    }
}
