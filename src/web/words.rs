//! What the plumbing tells people, in the shape that every language fills. The words themselves are the app's: [`Web`] carries them.
//!
//! [`Web`]: super::Web

use serde::Serialize;

use super::script_words::ForScript;

/// Everything that is said outside of the app's own pages.
#[derive(Debug)]
pub struct Words {
    /// What the app is called.
    pub app_name: &'static str,
    /// `templates/entry.html`
    pub entry: Entry,
    /// `templates/error.html`
    pub error_page: ErrorPage,
    /// What every problem is called, and what to do about it.
    pub problems: Problems,
    /// What the scripts of every page say.
    pub scripts: ForScript<Scripts>,
}

/// Something went wrong.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Message {
    /// What happened.
    pub happened: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// The page that logs in.
#[derive(Debug)]
#[allow(missing_docs, reason = "the template shows what each is for")]
pub struct Entry {
    pub title: &'static str,
    pub no_javascript: Message,
    pub signing_in: &'static str,
    pub slow: &'static str,
    pub load_again: &'static str,
    pub open_in_dingtalk: Message,
    pub open: &'static str,
    pub or_by_hand: &'static str,
    pub by_hand_first: &'static str,
    pub by_hand_then: &'static str,
    pub address: &'static str,
    pub copy: &'static str,
    pub try_again: &'static str,
}

/// The page that explains a problem.
#[derive(Debug)]
#[allow(missing_docs, reason = "the template shows what each is for")]
pub struct ErrorPage {
    pub home: &'static str,
    pub reference: &'static str,
}

/// One message for each [`Problem`](super::Problem).
#[derive(Debug)]
#[allow(missing_docs, reason = "the problems are documented where they are made")]
pub struct Problems {
    pub code_rejected: Message,
    pub login_required: Message,
    pub state_rejected: Message,
    pub origin_rejected: Message,
    pub organisation_rejected: Message,
    pub organisation_unknown: Message,
    pub not_found: Message,
    pub method_not_allowed: Message,
    pub code_in_use: Message,
    pub request_timeout: Message,
    pub payload_too_large: Message,
    pub uri_too_long: Message,
    pub head_too_large: Message,
    pub unsupported_media_type: Message,
    pub bad_request: Message,
    pub url_rejected: Message,
    pub rate_limited: Message,
    pub retry_with_new_code: Message,
    pub dingtalk_unavailable: Message,
    pub quota_spent: Message,
    pub misconfigured: Message,
    pub internal: Message,
}

/// For `static/app/messages.js`. What the server calls a problem comes with its answer and is not here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the scripts show what each is for")]
pub struct Scripts {
    pub failures: Failures,
    pub troubles: Troubles,
    pub dingtalk_said: &'static str,
    pub request_id: &'static str,
    pub copied: &'static str,
    pub copy_by_hand: &'static str,
}

/// By kind of failure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the kinds are documented in static/dingtalk.js")]
pub struct Failures {
    pub timeout: Message,
    pub refused: Message,
    pub cancelled: Message,
    pub outside: Message,
    pub no_library: Message,
    pub network: Message,
    /// An answer that says nothing about itself, as proxies make them.
    pub problem: Message,
}

/// What a page finds out by itself, under the names that the scripts give it.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "named as in the scripts")]
pub struct Troubles {
    pub user_changed: Message,
    pub session_lost: Message,
    pub wrong_address: Message,
    pub no_auth_code: Message,
    pub no_such_api: Message,
}
