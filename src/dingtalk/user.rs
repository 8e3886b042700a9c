//! Who somebody is, as DingTalk tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::answer::{list, text};
use super::identifiers::{UserId, is_plain, shows};

/// What an authCode is exchanged for: just enough identity for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person in the organisation.
    pub user_id: UserId,
    /// What to call them.
    pub name: DisplayName,
}

/// A name fit to be shown: one line of visible characters, 64 at most. People choose their names; some choose attacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct DisplayName(String);

impl DisplayName {
    const MAX_CHARS: usize = 64;

    /// The zero-width joiner. It makes one picture of several emoji; anywhere else it is removed.
    const JOINER: char = '\u{200D}';

    /// The part of `text` that is fit to be shown; empty if nothing of it is visible.
    pub fn from_lossy(text: &str) -> Self {
        let joined: String = text.chars().filter(|c| is_plain(*c) || *c == Self::JOINER).collect();
        let is_picture = |c: &char| *c >= '\u{2190}' && !c.is_alphanumeric();
        let plain = joined.graphemes(true).flat_map(|cluster| {
            let next = cluster.chars().skip(1).map(Some).chain([None]);
            cluster.chars().zip(next).filter(move |(c, next)| *c != Self::JOINER || next.as_ref().is_some_and(is_picture))
        });
        let mut plain = plain.map(|(c, _)| c);
        let mut name: String = plain.by_ref().take(Self::MAX_CHARS).collect();
        if plain.next().is_some() {
            name.pop();
            name = format!("{}…", name.trim_end_matches(Self::JOINER));
        }
        Self(if shows(&name) { name.trim().to_owned() } else { String::new() })
    }

    /// One line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first character as people see it, for where a portrait is missing.
    pub fn initial(&self) -> String {
        let initial = self.0.graphemes(true).find(|character| shows(character)).unwrap_or_default();
        // Some letters have a capital of two letters, such as `ß`: those are left as they are.
        let capital = initial.to_uppercase();
        if capital.graphemes(true).count() == 1 { capital } else { initial.to_owned() }
    }
}

impl From<String> for DisplayName {
    fn from(text: String) -> Self {
        Self::from_lossy(&text)
    }
}

impl std::fmt::Display for DisplayName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that DingTalk tells about a person. Most of it depends on permissions and on what the organisation filled in; numbers and
/// booleans come as such or as text, so nothing here is allowed to fail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Value")]
pub struct UserDetails {
    /// The web address of the portrait; None for the default picture.
    pub avatar: Option<String>,
    /// The person across all apps of one developer account.
    pub union_id: Option<String>,
    /// Position.
    pub title: Option<String>,
    /// Number on the payroll.
    pub job_number: Option<String>,
    /// Needs a permission of its own.
    pub mobile: Option<String>,
    /// The person's own address, or else the organisation's mailbox for them. Needs a permission of its own.
    pub email: Option<String>,
    /// Office.
    pub work_place: Option<String>,
    /// Departments, by number; 1 is the whole organisation.
    pub departments: Vec<String>,
    /// Names of the roles held.
    pub roles: Vec<String>,
    /// Administrator of the organisation.
    pub admin: bool,
    /// Marked as boss.
    pub boss: bool,
}

impl From<Value> for UserDetails {
    fn from(told: Value) -> Self {
        let is_web = |address: &String| address.starts_with("https://") || address.starts_with("http://");
        Self {
            avatar: line(&told["avatar"]).filter(is_web),
            union_id: line(&told["unionid"]),
            title: line(&told["title"]),
            job_number: line(&told["job_number"]),
            mobile: line(&told["mobile"]),
            email: line(&told["email"]).or_else(|| line(&told["org_email"])),
            work_place: line(&told["work_place"]),
            departments: list(&told["dept_id_list"]).iter().filter_map(line).collect(),
            roles: list(&told["role_list"]).iter().filter_map(|role| line(&role["name"])).collect(),
            admin: is_true(&told["admin"]),
            boss: is_true(&told["boss"]),
        }
    }
}

fn line(value: &Value) -> Option<String> {
    let plain: String = text(value)?.chars().filter(|c| is_plain(*c)).take(512).collect();
    Some(plain.trim().to_owned()).filter(|text| !text.is_empty())
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn details_are_read_the_same_typed_or_as_text() {
        let typed =
            r#"{"dept_id_list":[1,2],"role_list":[{"id":1,"name":"Engineer"}],"admin":true,"boss":false,"job_number":"7"}"#;
        let stringly =
            r#"{"dept_id_list":["1","2"],"role_list":{"id":"1","name":"Engineer"},"admin":"true","boss":"false","job_number":7}"#;
        for answer in [typed, stringly] {
            let details: UserDetails = serde_json::from_str(answer).unwrap();
            assert_eq!(details.departments, ["1", "2"]);
            assert_eq!(details.roles, ["Engineer"]);
            assert_eq!((details.admin, details.boss), (true, false));
            assert_eq!(details.job_number.as_deref(), Some("7"));
            assert_eq!(details.avatar, None);
        }
    }

    #[test]
    fn a_name_of_which_nothing_shows_is_empty() {
        let nothing = [
            "",
            " ",
            "\u{2800}",
            "\u{2800}\u{2800} \u{2800}",
            "\u{1D159}",
            "\u{3164}",
            "\u{200D}\u{200D}",
            "\u{301}\u{302}",
            "\u{FFFC}",
            "\u{E0041}",
            "\u{16FE4}",
            "\u{115F}\u{1160}",
            "\u{3000}\u{2003}\u{205F}",
            "\u{180E}\u{2062}\u{FE0F}",
            "\u{13441}\u{13430}",
            "\u{FFA0}\u{2800}\u{1680}",
        ];
        for text in nothing {
            assert_eq!(DisplayName::from_lossy(text).as_str(), "", "{text:?}");
        }
        for text in [".", "-", "a", "中", "𠮷", "👋", "\u{2800}\u{2801}", "\u{E000}"] {
            assert_eq!(DisplayName::from_lossy(text).as_str(), text);
        }
    }

    #[test]
    fn an_initial_is_a_character_as_people_see_it() {
        for (name, initial) in [
            ("alice", "A"),
            ("张三", "张"),
            ("🇨🇳 Chen", "🇨🇳"),
            ("👨\u{200D}👩\u{200D}👧 family", "👨\u{200D}👩\u{200D}👧"),
            ("❤\u{FE0F}\u{200D}🔥", "❤\u{200D}🔥"),
            ("👍🏽 ok", "👍🏽"),
            ("e\u{301}mile", "E\u{301}"),
            ("각하", "각"),
            ("\u{2800}bob", "B"),
            ("\u{301}zoe", "Z"),
            ("ßen", "ß"),
            ("🏳\u{FE0F}\u{200D}🌈 pride", "🏳\u{200D}🌈"),
            ("👩🏾\u{200D}❤\u{FE0F}\u{200D}👨🏻", "👩🏾\u{200D}❤\u{200D}👨🏻"),
            ("क्षितिज", "क्षि"),
            ("🇨🇳🇺🇸", "🇨🇳"),
            ("กำ", "กำ"),
            ("\u{1D159}\u{3164}é", "É"),
        ] {
            assert_eq!(DisplayName::from_lossy(name).initial(), initial, "{name}");
        }
    }

    #[test]
    fn what_joins_emoji_joins_nothing_else() {
        for (text, name) in [
            ("al\u{200D}ice", "alice"),
            ("\u{200D}alice\u{200D}", "alice"),
            ("a\u{200D}👩", "a👩"),
            ("👩\u{200D}", "👩"),
            ("👩\u{200D}\u{200D}", "👩"),
            ("张\u{200D}三", "张三"),
            ("👩\u{200D}💻", "👩\u{200D}💻"),
        ] {
            assert_eq!(DisplayName::from_lossy(text).as_str(), name, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_display_name_is_one_short_visible_line(text in any::<String>()) {
            let name = DisplayName::from_lossy(&text);
            prop_assert!(name.as_str().chars().count() <= DisplayName::MAX_CHARS);
            prop_assert!(name.as_str().chars().all(|c| is_plain(c) || c == DisplayName::JOINER));
            prop_assert_eq!(DisplayName::from_lossy(name.as_str()), name);
        }
    }
}
