//! Which organisation an address names: the client may be in another one than this server's.

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::dingtalk::CorpId;
use crate::web::Problem;

/// The homepage is registered as `…/?corpid=$CORPID$`, and the client fills in the organisation it is in, but only when the app is
/// opened from the workbench. An address without the parameter says nothing, and the authCode decides.
pub(super) fn check_organisation(ours: &CorpId, query: &str) -> Result<(), Problem> {
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name.eq_ignore_ascii_case("corpid"));
    for (_, named) in named {
        match Named::read(&named, ours) {
            Named::Ours => {}
            Named::Another => return Err(Problem::OrganisationRejected),
            Named::Nobody => return Err(Problem::OrganisationUnknown),
        }
    }
    Ok(())
}

/// Which organisation an address names.
#[derive(Debug, PartialEq)]
enum Named {
    Ours,
    Another,
    /// The placeholder is still there, in whatever spelling, or what a script makes of a value that it does not have.
    Nobody,
}

impl Named {
    /// What scripts and templates write for nothing, and the placeholder's name.
    const NOTHING: [&str; 8] = ["", "corpid", "corp_id", "undefined", "null", "none", "nil", "nan"];

    fn read(value: &str, ours: &CorpId) -> Self {
        if value == ours.as_str() {
            return Self::Ours;
        }
        // The value may have been encoded once or twice more, and a client's own parameters glued to it: `?corpid=ding1?ddtab=true`.
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let value = decoded(&decoded(value));
        let corp_id = value.trim().split(['?', '&', '#', '/', ';', ',']).next().unwrap_or_default().trim();
        let bare = corp_id.trim_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace()).to_ascii_lowercase();
        match corp_id {
            _ if corp_id == ours.as_str() => Self::Ours,
            // No CorpId has that character or any of these names.
            _ if corp_id.contains('$') || Self::NOTHING.contains(&bare.as_str()) => Self::Nobody,
            _ => Self::Another,
        }
    }
}

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
        for (queries, named) in
            [(&nobody[..], Named::Nobody), (&ours_in_any_dress[..], Named::Ours), (&another[..], Named::Another)]
        {
            for query in queries {
                let query = format!("corpid{query}");
                let value = form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned();
                assert_eq!(Named::read(&value, &ours), named, "{query}");
            }
        }
        let odd = CorpId::parse("a/b?c").unwrap();
        assert_eq!(Named::read("a/b?c", &odd), Named::Ours);
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
            assert_eq!(check_organisation(&ours, query).err().map(|problem| problem.code()), code, "{query}");
        }
    }
}
