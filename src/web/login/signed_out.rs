//! Where logging out leads. Going to any other page would log in again, silently.

use std::borrow::Cow;

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;

use crate::web::page::{home_of_organisation, words};
use crate::web::{Head, Problem};

/// `templates/signed_out.html`
#[derive(Template, WebTemplate)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    head: Head,
    /// The home page, in the organisation that somebody has just left.
    sign_in: Cow<'static, str>,
    words: &'static words::SignedOut,
}

/// `GET /signed-out`
pub async fn show(head: Head, request: HttpRequest) -> Result<SignedOut, Problem> {
    Ok(SignedOut { words: words::SignedOut::of(head.language), head, sign_in: home_of_organisation(&request)? })
}
