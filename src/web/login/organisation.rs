//! Which organisation a request is about: a phone may be in several, and a third-party app serves many.

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::dingtalk::{CorpId, DingTalk, Organisation};
use crate::web::origin::organisation_shown;
use crate::web::{Problem, RequestSession, extracted, shared};

/// The organisation of `request`. The first of these decides: the page whose script made the request, the address, the app's only
/// organisation, the browser's session, also an expired one. A login does not call this: it goes to the organisation in its state.
pub fn organisation_of(request: &HttpRequest) -> Result<CorpId, Problem> {
    let home = shared::<DingTalk>(request)?.home().map(Organisation::corp_id);
    let named = match organisation_shown(request.headers()) {
        Some(shown) => Some(shown),
        None => named_in(request.query_string(), home)?,
    };
    match named.or_else(|| home.cloned()) {
        Some(corp_id) => Ok(corp_id),
        None => RequestSession::of(request)?.organisation().ok_or(Problem::OrganisationUnknown),
    }
}

/// The organisation that the address names. The homepage is registered as `…/?corpid=$CORPID$`, and the client fills in the organisation it
/// is in, but only when the app is opened from the workbench.
fn named_in(query: &str, home: Option<&CorpId>) -> Result<Option<CorpId>, Problem> {
    let values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name.eq_ignore_ascii_case("corpid"));
    let mut named = None;
    for (_, value) in values {
        let corp_id = read(&value, home)?;
        if named.is_some_and(|named| named != corp_id) {
            return Err(Problem::OrganisationRejected);
        }
        named = Some(corp_id);
    }
    Ok(named)
}

/// What scripts and templates write for a missing value, and the placeholder's name.
const NOTHING: [&str; 8] = ["", "corpid", "corp_id", "undefined", "null", "none", "nil", "nan"];

fn read(value: &str, home: Option<&CorpId>) -> Result<CorpId, Problem> {
    if let Some(home) = home.filter(|home| home.as_str() == value) {
        return Ok(home.clone());
    }
    // The value may have been encoded once or twice more, and a client's own parameters glued to it: `?corpid=ding1?ddtab=true`.
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let value = decoded(&decoded(value));
    let corp_id = value.trim().split(['?', '&', '#', '/', ';', ',']).next().unwrap_or_default().trim();
    let bare = corp_id.trim_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace()).to_ascii_lowercase();
    match home {
        Some(home) if home.as_str() == corp_id => Ok(home.clone()),
        // The client has not filled in the placeholder. No CorpId contains `$` or is one of these words.
        _ if corp_id.contains('$') || NOTHING.contains(&bare.as_str()) => Err(Problem::OrganisationUnknown),
        Some(_) => Err(Problem::OrganisationRejected),
        None => CorpId::parse(corp_id).map_err(|_| Problem::OrganisationUnknown),
    }
}

/// A handler that takes an `Organisation` can call DingTalk: in the app's only organisation, or in that of the person who is logged in.
async fn organisation(request: &HttpRequest) -> Result<Organisation, Problem> {
    let dingtalk = shared::<DingTalk>(request)?;
    match dingtalk.home() {
        Some(home) => Ok(home.clone()),
        None => Ok(dingtalk.organisation(&RequestSession::of(request)?.login()?.corp_id)?),
    }
}

extracted!(Organisation, organisation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_in_any_spelling_names_nobody_and_what_is_glued_on_names_nobody_else() {
        let ours = CorpId::parse("ding1a2b").unwrap();
        let nobody = [
            "",
            "=",
            "=%20",
            "=$CORPID$",
            "=$corpid$",
            "=$CorpId$",
            "=%24CORPID%24",
            "=%24corpid%24",
            "=%2524CORPID%2524",
            "=%252524corpId%252524",
            "=$CORPID",
            "=CORPID$",
            "=$CORP_ID$",
            "=$CORPID$?ddtab=true",
            "=%24CORPID%24%3Fddtab%3Dtrue",
            "=${corpId}",
            "={corpId}",
            "={{corpid}}",
            "=%7BcorpId%7D",
            "=<corpid>",
            "=:corpId",
            "=corpid",
            "=undefined",
            "=null",
            "=NULL",
            "=undefined?ddtab=true",
            "=None",
            "=NaN",
            "=%22%22",
            "=null&dd_nav_bgcolor=FF5E97F6",
            "=?ddtab=true",
        ];
        let ours_in_any_dress = [
            "=ding1a2b",
            "=%64ing1a2b",
            "=%2564ing1a2b",
            "=ding1a2b?ddtab=true",
            "=ding1a2b%3Fddtab%3Dtrue",
            "=ding1a2b?corpid=ding1a2b",
            "=ding1a2b?dd_nav_bgcolor=FF5E97F6&x=y",
            "=ding1a2b#/home",
            "=ding1a2b/",
            "=%20ding1a2b+",
            "=ding1a2b%26ddtab=true",
            "=ding1a2b;x",
            "=ding1a2b&amp;ddtab=true",
        ];
        let another = [
            "=ding2",
            "=DING1A2B",
            "=ding1a2",
            "=ding1a2bc",
            "=ding2?corpid=ding1a2b",
            "=undefined1",
            "=nullding1a2b",
            "=x?",
            "=%ff",
            "=组织",
        ];
        let value = |query: &str| form_urlencoded::parse(format!("corpid{query}").as_bytes()).next().unwrap().1.into_owned();
        let told = |read: Result<CorpId, Problem>| read.map_err(|problem| problem.code());
        for query in nobody {
            assert_eq!(told(read(&value(query), Some(&ours))), Err("organisation_unknown"), "{query}");
            assert_eq!(told(read(&value(query), None)), Err("organisation_unknown"), "{query}");
        }
        for query in ours_in_any_dress {
            assert_eq!(told(read(&value(query), Some(&ours))), Ok(ours.clone()), "{query}");
            assert_eq!(told(read(&value(query), None)), Ok(ours.clone()), "{query}");
        }
        for query in another {
            assert_eq!(told(read(&value(query), Some(&ours))), Err("organisation_rejected"), "{query}");
            assert_ne!(told(read(&value(query), None)), Ok(ours.clone()), "{query}");
        }
        let odd = CorpId::parse("a/b?c").unwrap();
        assert_eq!(told(read("a/b?c", Some(&odd))), Ok(odd));
    }

    #[test]
    fn each_corpid_of_an_address_counts_and_nothing_else() {
        let ours = CorpId::parse("ding1a2b").unwrap();
        for (query, code) in [
            ("", None),
            ("x=ding2", None),
            ("ddtab=true?corpid=ding2", None),
            ("CorpId=ding1a2b&x=$CORPID$", None),
            ("corpid=ding1a2b&corpId=ding2", Some("organisation_rejected")),
            ("corpid=ding1a2b?x=y&corpId=$CORPID$", Some("organisation_unknown")),
        ] {
            assert_eq!(named_in(query, Some(&ours)).err().map(|problem| problem.code()), code, "{query}");
        }
    }

    #[test]
    fn an_address_that_names_two_organisations_is_in_neither() {
        for (query, named) in [
            ("corpid=ding1&corpId=ding1?x=y", Ok(Some("ding1".to_owned()))),
            ("corpid=ding1&corpid=ding2", Err("organisation_rejected")),
            ("x=ding1", Ok(None)),
        ] {
            let read = named_in(query, None).map(|named| named.map(|corp_id| corp_id.to_string()));
            assert_eq!(read.map_err(|problem| problem.code()), named, "{query}");
        }
    }
}
