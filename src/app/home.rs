//! The start page: who you are.

use askama::Template;
use askama_web::WebTemplate;

use crate::app::words;
use crate::web::{Head, SessionUser, Visitor};

/// `templates/home.html`
#[derive(Template, WebTemplate)]
#[template(path = "home.html")]
pub struct Home {
    head: Head,
    words: &'static words::Home,
    user: SessionUser,
}

/// `GET /`
pub async fn show(Visitor(user): Visitor, head: Head) -> Home {
    Home { words: words::Home::of(head.language), head, user }
}
