//! Everything DingTalk tells about you.

use askama::Template;
use askama_web::WebTemplate;

use crate::app::words;
use crate::dingtalk::{Organisation, UserDetails};
use crate::web::{Head, SessionUser, Visitor};

/// `templates/profile.html`
#[derive(Template, WebTemplate)]
#[template(path = "profile.html")]
pub struct Profile {
    head: Head,
    words: &'static words::Profile,
    user: SessionUser,
    /// None without the permission, or when DingTalk does not answer: the page then shows what the session knows.
    details: Option<UserDetails>,
}

/// `GET /profile`
pub async fn show(Visitor(user): Visitor, head: Head, organisation: Organisation) -> Profile {
    let details = organisation.user_details(&user.user_id).await;
    if let Err(error) = &details {
        tracing::warn!(%error, fix = error.fix(), "the profile is shown without details");
    }
    Profile { words: words::Profile::of(head.language), head, user, details: details.ok() }
}
