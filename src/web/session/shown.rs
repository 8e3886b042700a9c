//! Whom a page shows that makes a request. The client may have switched account or organisation since: what somebody does on the page
//! that shows them must not be done in another's name.

use actix_web::http::header::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::SessionUser;
use crate::dingtalk::CorpId;

/// `<corpId> <userId>`, each percent-encoded. Scripts send it, navigations cannot.
const X_PAGE_USER: HeaderName = HeaderName::from_static("x-page-user");

/// Whether the page shows `user`, or nobody.
pub(super) fn is_no_other(headers: &HeaderMap, user: &SessionUser) -> bool {
    headers.get_all(X_PAGE_USER).all(|value| {
        let shown = value.to_str().ok().and_then(|text| text.split_once(' '));
        shown.is_some_and(|(corp_id, user_id)| {
            decoded(corp_id) == user.corp_id.as_str() && decoded(user_id) == user.user_id.as_str()
        })
    })
}

/// The organisation of whom the page shows.
pub fn organisation(headers: &HeaderMap) -> Option<CorpId> {
    let (corp_id, _) = headers.get(X_PAGE_USER)?.to_str().ok()?.split_once(' ')?;
    CorpId::parse(decoded(corp_id)).ok()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
