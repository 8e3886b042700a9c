//! Where logging out leads. Going to any other page would log in again, silently.

use askama::Template;
use askama_web::WebTemplate;
use url::form_urlencoded;

use crate::web::Head;
use crate::web::page::words;

/// `templates/signed_out.html`
#[derive(Template, WebTemplate)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    head: Head,
    /// The home page, in the organisation that somebody has just left.
    sign_in: String,
    words: &'static words::SignedOut,
}

/// `GET /signed-out`
pub async fn show(head: Head) -> SignedOut {
    let corp_id = form_urlencoded::byte_serialize(head.corp_id().as_bytes()).collect::<String>();
    let home = head.home;
    let sign_in = match corp_id.is_empty() {
        true => home.to_owned(),
        false => format!("{home}{}corpid={corp_id}", if home.contains('?') { '&' } else { '?' }),
    };
    SignedOut { words: words::SignedOut::of(head.language), head, sign_in }
}
