//! Who gets a page, and who gets the entry page instead.
//!
//! A phone may have switched account or organisation while the old cookie lives on. So only a navigation from within the app is
//! answered from the session. Every entry from outside gets the entry page, which logs in anew: one call to DingTalk, and never
//! somebody else's data.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERER};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use url::{Url, form_urlencoded};

use super::error::Problem;
use super::page::Head;
use super::presession::Challenge;
use super::session::{Freshness, SessionUser, TypedSession};
use super::state::Web;
use super::words;
use crate::dingtalk::{CorpId, Origin};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The person a page is rendered for. A page's handler takes one; whoever is not logged in, or comes from outside, gets the entry
/// page at the same address.
#[derive(Debug, Clone)]
pub struct Visitor(pub SessionUser);

/// Instead of a visitor: what is answered.
#[derive(Debug)]
pub enum NoVisitor {
    /// The entry page.
    Enter(Box<EntryPage>),
    /// Not even that could be made.
    Failed(Problem),
}

/// Logs in silently and loads the same address again. Has nothing personal in it.
#[derive(Debug, Template)]
#[template(path = "entry.html")]
pub struct EntryPage {
    words: &'static words::Entry,
    head: Head,
    challenge: Challenge,
}

/// Where a navigation began, as far as the browser tells.
enum Began {
    Within,
    Outside,
    /// Neither header: an old WebView, of which nothing is known.
    Unknown,
}

/// Old WebViews send no Sec-Fetch-Site; for them the Referer tells, which our own pages always send to us.
fn began(ours: &Origin, headers: &HeaderMap) -> Began {
    let within = match (headers.get(SEC_FETCH_SITE), headers.get(REFERER)) {
        (Some(site), _) => site.as_bytes() == b"same-origin",
        (None, Some(referer)) => {
            let referer = referer.to_str().ok().and_then(|referer| Url::parse(referer).ok());
            referer.is_some_and(|referer| ours.owns(&referer))
        }
        (None, None) => return Began::Unknown,
    };
    if within { Began::Within } else { Began::Outside }
}

/// Whether a page may be answered from the session.
///
/// After a login the entry page loads itself anew. That load may still carry the first one's initiator (a reload does), or, from a
/// WebView that says nothing, no sign at all; it must be answered, or the two would go in circles. Any other load from outside must
/// not be, however young the session: the person in front of the client may have changed meanwhile.
fn is_inside(began: Began, freshness: Freshness) -> bool {
    match (began, freshness) {
        (Began::Within, _) => true,
        (_, Freshness::Arriving) => true,
        (Began::Unknown, Freshness::JustBorn) => true,
        (Began::Unknown | Began::Outside, _) => false,
    }
}

/// The homepage is registered as `…/?corpid=$CORPID$`, and the client fills in the organisation it is in, but only when the app is
/// opened from the workbench (contract 2.7). An address without the parameter says nothing, and the authCode decides.
fn check_organisation(ours: &CorpId, query: &str) -> Result<(), Problem> {
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name.eq_ignore_ascii_case("corpid"));
    for (_, corp_id) in named {
        match corp_id.as_ref() {
            "" | "$CORPID$" => return Err(Problem::OrganisationUnknown),
            other if other != ours.as_str() => return Err(Problem::OrganisationRejected),
            _ => {}
        }
    }
    Ok(())
}

impl Visitor {
    fn of(request: &HttpRequest) -> Result<Self, NoVisitor> {
        let web = Web::of(request).map_err(NoVisitor::Failed)?;
        check_organisation(&web.corp_id, request.query_string()).map_err(NoVisitor::Failed)?;
        let session = TypedSession::of(request).map_err(NoVisitor::Failed)?;
        let began = began(&web.public_url, request.headers());
        let user = session.user_of_page(|freshness| is_inside(began, freshness));
        match user {
            Some(user) => Ok(Self(user)),
            None => Err(EntryPage::of(request).map_or_else(NoVisitor::Failed, |page| NoVisitor::Enter(Box::new(page)))),
        }
    }
}

impl NoVisitor {
    /// The problem, when it is one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Enter(_) => None,
            Self::Failed(problem) => Some(problem),
        }
    }
}

impl EntryPage {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let challenge = Challenge::of(&Web::of(request)?.login_states, request);
        let head = Head::of(request)?;
        Ok(Self {
            words: words::Entry::of(head.language),
            head,
            challenge,
        })
    }
}

impl FromRequest for Visitor {
    type Error = NoVisitor;
    type Future = Ready<Result<Self, NoVisitor>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl fmt::Display for NoVisitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter(_) => f.write_str("the entry page was served"),
            Self::Failed(problem) => problem.fmt(f),
        }
    }
}

impl ResponseError for NoVisitor {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Enter(_) => StatusCode::OK,
            Self::Failed(problem) => problem.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Enter(page) => match page.render() {
                Ok(html) => {
                    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(html));
                    response
                        .headers_mut()
                        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
                    page.challenge.set_presession(response.headers_mut());
                    response
                }
                Err(error) => Problem::Internal(error.into()).error_response(),
            },
            Self::Failed(problem) => problem.error_response(),
        }
    }
}
