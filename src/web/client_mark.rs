//! What the DingTalk client says about itself at the end of its User-Agent: `… language/zh-CN … colorScheme/dark`.

use actix_web::http::header::{HeaderMap, USER_AGENT};

/// The value of the mark `name`, if the client sends it.
pub fn mark<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let client = headers.get(USER_AGENT)?.to_str().ok()?;
    client
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('/'))
        .find_map(|(mark, value)| (mark == name).then_some(value))
}
