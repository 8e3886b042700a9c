//! Reports of pages about what the client has said.

use std::collections::HashSet;
use std::sync::Arc;

use dingtalk_h5::dingtalk::{
    ClientRefusal, Digest, JsapiTicket, JsonObject, NonceStr, Origin, PageUrl, Recipe, Said, SignedPage, UrlForm,
};
use serde::Deserialize;

use super::is_one_plain_line;

#[derive(Deserialize)]
struct Report {
    code: String,
    #[serde(default)]
    text: String,
    url: String,
}

/// The ticket that the reported page was signed with: no sixteen characters of it are without a digit.
const TICKET: &str = "aC7X90bQ11ffeeDD2233r5Wk8Zt0pLm4NvH6jYq1sGd3uEo9iBc7xRa2TfKy5zUh";
const PAGE: &str = "https://app.example.com/jsapi?q=%E4%B8%AD";

/// An explanation names each part once, and what is logged of it is one short line without the ticket, even if the client echoes it.
pub fn report(body: &[u8]) {
    let Ok(JsonObject(report)) = serde_json::from_slice::<JsonObject<Report>>(body) else {
        return;
    };
    let refusal = ClientRefusal { code: report.code, text: report.text, href: report.url };
    let parts = refusal.explain(&signed());
    let different: HashSet<_> = parts.iter().map(|part| part.name).collect();
    assert_eq!(different.len(), parts.len(), "{parts:?}");

    let said = Said::new(&refusal.code, &refusal.text);
    assert!(said.code.chars().count() <= 80 && said.text.chars().count() <= 200);
    for logged in [&said.code, &said.text] {
        assert!(is_one_plain_line(logged), "{logged:?}");
        let shown = (0..=TICKET.len() - 16).find(|from| logged.contains(&TICKET[*from..from + 16]));
        assert_eq!(shown, None, "{logged:?}");
    }
}

fn signed() -> SignedPage {
    let url = PageUrl::parse(&Origin::parse("https://app.example.com").unwrap(), PAGE).unwrap();
    let recipe = Recipe { digest: Digest::Sha1, form: UrlForm::AsOpened };
    SignedPage { url, recipe, ticket: Arc::new(JsapiTicket::parse(TICKET).unwrap()), nonce_str: NonceStr::random(), timestamp: 1 }
}
