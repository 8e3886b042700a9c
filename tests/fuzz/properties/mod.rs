//! What must hold whatever comes in: one function for each kind of input, which panics when it does not. They use only what the product's
//! modules make public, and its HTTP.

mod envelope;
mod page_url;
mod report;
mod requests;
mod served;

pub use self::envelope::envelope;
pub use self::page_url::page_url;
pub use self::report::report;
pub use self::requests::{accept_language, login_body, session_cookie, session_payload};

/// Fit for a line of a log or of a page: nothing in it breaks the line or reorders what is around it.
fn is_one_plain_line(text: &str) -> bool {
    let reorders = |c| matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}');
    !text.contains(|c: char| c.is_control() || reorders(c) || breaks(c))
}
