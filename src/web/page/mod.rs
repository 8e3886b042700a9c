//! What every page carries.

pub mod assets; // Where the files of `static/` are served.
mod reader; // How somebody sees a page: in which language, light or dark.
pub mod words; // The texts of the plumbing, and the macro that all texts are written with.

use std::borrow::Cow;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::uri::PathAndQuery;
use actix_web::web::Data;
use url::form_urlencoded;

pub use self::reader::{ColorScheme, Language};
use self::words::Attribute;
use super::login::organisation_of;
use super::{CameFrom, NavEntry, Problem, RequestScope, RequestSession, Site, extracted, shared};
use crate::dingtalk::{CorpId, DingTalk};

/// What the layout needs. Every page's template has one as `head`. It is made for every page, so it copies next to nothing.
#[derive(Clone)]
pub struct Head {
    /// The app.
    pub site: Data<Site>,
    /// The path and query of the request, as received: appended to PUBLIC_URL, they are the address that gets signed.
    pub path_and_query: PathAndQuery,
    /// The language of the page.
    pub language: Language,
    /// The texts of the layout, in that language.
    pub words: &'static words::Layout,
    /// Light or dark.
    pub color_scheme: ColorScheme,
    corp_id: Option<CorpId>,
    /// The link to the start page, on pages that show nobody.
    pub home: Cow<'static, str>,
    /// Whether that leads anywhere: an app of several organisations has no start page where none is known.
    pub has_home: bool,
    scope: Rc<RequestScope>,
}

impl Head {
    /// The head of the page that answers `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let language = Language::asked_for_by(request);
        let asked_for = request.uri().path_and_query().cloned();
        let corp_id = organisation_of(request).ok();
        let serves_many = shared::<DingTalk>(request)?.home().is_none();
        Ok(Self {
            site: shared::<Site>(request)?.clone(),
            path_and_query: asked_for.unwrap_or_else(|| PathAndQuery::from_static("/")),
            language,
            words: words::Layout::of(language),
            color_scheme: ColorScheme::asked_for_in(request.headers()),
            home: start_page(request, corp_id.as_ref().filter(|_| serves_many))?,
            has_home: !serves_many || corp_id.is_some() || RequestSession::of(request)?.organisation().is_some(),
            corp_id,
            scope: RequestScope::of(request)?,
        })
    }

    /// The organisation that the page is about; nothing if it is about none.
    pub fn corp_id(&self) -> &str {
        self.corp_id.as_ref().map_or("", CorpId::as_str)
    }

    /// The nonce that lets the page's own scripts run, and no others.
    pub fn nonce(&self) -> &str {
        self.scope.script_nonce()
    }

    /// The request id, by which this answer is found in the log.
    pub fn request_id(&self) -> &str {
        &self.scope.id
    }

    /// Where a file of `static/` is served.
    pub fn asset(&self, file: &str) -> &'static str {
        assets::address(file)
    }

    /// The texts of the scripts that every page has.
    pub fn messages(&self) -> &'static Attribute {
        words::Messages::json(&self.language)
    }

    /// The label of a page in the navigation.
    pub fn name_of(&self, entry: &NavEntry) -> &'static str {
        entry.name.in_language(self.language)
    }
}

extracted!(Head, async |request| Head::of(request));

/// The address of the start page, as a link on the page that answers `request`. It names the organisation `corp_id`, if given: an app of
/// several organisations has a start page in each.
pub fn start_page(request: &HttpRequest, corp_id: Option<&CorpId>) -> Result<Cow<'static, str>, Problem> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if CameFrom::links_need_mark(request)? {
        query.append_key_only(CameFrom::MARK);
    }
    query.extend_pairs(corp_id.map(|corp_id| ("corpid", corp_id.as_str())));
    let query = query.finish();
    Ok(if query.is_empty() { "/".into() } else { format!("/?{query}").into() })
}
