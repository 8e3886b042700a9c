//! Everything DingTalk tells about you.

use askama::Template;
use askama_web::WebTemplate;

use crate::app::words;
use crate::dingtalk::{Error, Kind, Organisation, UserDetails};
use crate::web::{Head, SessionUser, Visitor};

/// `templates/profile.html`
#[derive(Template, WebTemplate)]
#[template(path = "profile.html")]
pub struct Profile {
    head: Head,
    words: &'static words::Profile,
    user: SessionUser,
    /// If they are an error, the page shows only what the session has.
    details: Result<UserDetails, Error>,
}

/// `GET /profile`
pub async fn show(Visitor(user): Visitor, head: Head, organisation: Organisation) -> Profile {
    let details = organisation.user_details(&user.user_id).await;
    // If no call was made because of a ban, that was logged when the ban began.
    if let Err(error) = details.as_ref()
        && !error.not_asked()
    {
        tracing::warn!(request_id = head.request_id(), %error, fix = error.fix(), "the profile is shown without details");
    }
    Profile { words: words::Profile::of(head.language), head, user, details }
}
