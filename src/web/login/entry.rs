//! Who gets a page, who gets the entry page instead, and where logging out leads.
//!
//! Only a navigation from within the app is answered from the session. Every entry from outside gets the entry page, which logs in anew:
//! one call to DingTalk, and never somebody else's data.

use std::borrow::Cow;

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;

use super::{Challenge, organisation_of};
use crate::dingtalk::DingTalk;
use crate::web::page::{start_page, words};
use crate::web::{CameFrom, Head, Metrics, Problem, RequestSession, SessionUser, extracted, shared};

/// The person a page is rendered for. A page's handler takes one; whoever is not logged in, or comes from outside, gets the entry
/// page at the same address.
#[derive(Debug, Clone)]
pub struct Visitor(pub SessionUser);

extracted!(Visitor, Visitor::of);

impl Visitor {
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let corp_id = organisation_of(request)?;
        shared::<DingTalk>(request)?.admits(&corp_id)?;
        let session = RequestSession::of(request)?;
        let user = session.user_of_page(&corp_id, CameFrom::of(request)?);
        if user.is_err() {
            shared::<Metrics>(request)?.entered(session.login().is_ok());
        }
        user.map(Self)
    }
}

/// Logs in silently and loads the same address again. Has nothing personal in it.
#[derive(Template)]
#[template(path = "entry.html")]
pub struct EntryPage<'a> {
    words: &'static words::Entry,
    head: Head,
    /// The link with which this page loads itself again: a query only, or empty. The browser keeps the path, so it cannot lead elsewhere.
    again: String,
    /// What the browser needs to begin a login.
    challenge: &'a Challenge,
}

impl<'a> EntryPage<'a> {
    /// For the browser that made `request`.
    pub fn of(request: &HttpRequest, challenge: &'a Challenge) -> Result<Self, Problem> {
        let head = Head::of(request)?;
        Ok(Self { words: words::Entry::of(head.language), head, again: again(request)?, challenge })
    }
}

/// A link from the page at `request` to itself. It is empty unless [`CameFrom::MARK`] has to be added.
fn again(request: &HttpRequest) -> Result<String, Problem> {
    if CameFrom::is_marked(request) || !CameFrom::links_need_mark(request)? {
        return Ok(String::new());
    }
    let query = request.query_string();
    Ok(["?", CameFrom::MARK, if query.is_empty() { "" } else { "&" }, query].concat())
}

/// The page after a logout: any other page would silently log in again.
#[derive(Template, WebTemplate)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    head: Head,
    /// The address of the start page, in the organisation that this request is about.
    sign_in: Cow<'static, str>,
    words: &'static words::SignedOut,
}

/// `GET /signed-out`
pub async fn show_signed_out(head: Head, request: HttpRequest) -> Result<SignedOut, Problem> {
    let sign_in = start_page(&request, organisation_of(&request).ok().as_ref())?;
    Ok(SignedOut { words: words::SignedOut::of(head.language), head, sign_in })
}
