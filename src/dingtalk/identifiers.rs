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
        for hostile in [
            "a\nb",
            "a\0",
            "\u{202E}a",
            "a\u{2028}",
            "\u{200B}",
            "al\u{AD}ice",
            "\u{3164}",
            "a\u{E0061}",
        ] {
            assert_eq!(UserId::parse(hostile), Err(InvalidIdentifier::Character), "{hostile:?}");
        }
        assert!(UserId::parse("manager 4220-张三").is_ok());
    }
}
