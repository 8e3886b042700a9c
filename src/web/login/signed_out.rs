//! Where logging out leads. Going to any other page would log in again, silently.

use askama::Template;
use askama_web::WebTemplate;

use crate::web::Head;
use crate::web::page::words;

/// `templates/signed_out.html`
#[derive(Template, WebTemplate)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    head: Head,
    words: &'static words::SignedOut,
}

/// `GET /signed-out`
pub async fn show(head: Head) -> SignedOut {
    SignedOut { words: words::SignedOut::of(head.language), head }
}
