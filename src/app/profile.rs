//! Everything DingTalk tells about you.

use actix_web::web::Data;
use askama::Template;
use askama_web::WebTemplate;

use crate::app::words::{self, Words};
use crate::dingtalk::UserDetails;
use crate::web::{Head, SessionUser, Visitor, Web};

/// `templates/profile.html`
#[derive(Template, WebTemplate)]
#[template(path = "profile.html")]
pub struct Profile {
    head: Head,
    words: &'static Words,
    user: SessionUser,
    /// None without the permission, or when DingTalk does not answer: the page then shows what the session knows.
    details: Option<UserDetails>,
}

/// `GET /profile`
pub async fn show(Visitor(user): Visitor, head: Head, web: Data<Web>) -> Profile {
    let details = web.dingtalk.user_details(&user.user_id).await;
    if let Err(error) = &details {
        tracing::warn!(%error, fix = error.fix(), "the profile is shown without details");
    }
    Profile {
        words: words::of(head.language),
        head,
        user,
        details: details.ok(),
    }
}
