//! Words that a script reads from its own tag.

use std::fmt;
use std::sync::OnceLock;

use askama::filters::{Html, HtmlSafe, escape};
use serde::Serialize;

/// The words of one script, and what `data-words` says of them. They never change, so that is made once and not for every page.
#[derive(Debug)]
pub struct ForScript<T> {
    words: T,
    attribute: OnceLock<Attribute>,
}

/// JSON, escaped: templates put it between quotes as it is.
#[derive(Debug)]
pub struct Attribute(String);

impl<T: Serialize> ForScript<T> {
    /// Nothing is written yet.
    pub const fn new(words: T) -> Self {
        Self {
            words,
            attribute: OnceLock::new(),
        }
    }

    /// As the template needs it.
    pub fn attribute(&self) -> &Attribute {
        self.attribute.get_or_init(|| {
            // Only a map with odd keys or a Serialize of one's own can fail, and words are neither; escaping cannot fail at all.
            let json = serde_json::to_string(&self.words).unwrap_or_default();
            Attribute(escape(json, Html).map(|escaped| escaped.to_string()).unwrap_or_default())
        })
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Attribute {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_json_that_cannot_leave_its_attribute() {
        let words = ForScript::new(["a \"quote\"", "<b> & 'c'", "张三"]);
        let attribute = words.attribute().to_string();
        assert!(!attribute.contains(['"', '<', '>', '\'']), "{attribute}");
        let read = attribute.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">");
        let read = read.replace("&#39;", "'").replace("&#38;", "&");
        assert_eq!(read, r#"["a \"quote\"","<b> & 'c'","张三"]"#);
    }
}
