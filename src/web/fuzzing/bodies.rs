//! Bodies that pages post.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::super::jsapi_report::Report;
use super::super::login::LoginRequest;
use crate::dingtalk::{
    AuthCode, ClientRefusal, Digest, JsapiTicket, JsonObject, Origin, PageUrl, Recipe, Refusal, SignedPage, UrlForm,
};

/// A login is exactly `{"authCode","state"}`, both text; and what passes as a code has no character that could end a line, a
/// parameter or a string.
pub fn login_body(body: &[u8]) {
    let Ok(JsonObject(request)) = serde_json::from_slice::<JsonObject<LoginRequest>>(body) else {
        return;
    };
    let expected = serde_json::json!({"authCode": request.auth_code, "state": request.state});
    assert_eq!(serde_json::from_slice::<Value>(body).ok(), Some(expected));
    if AuthCode::parse(request.auth_code.clone()).is_ok() {
        let code = request.auth_code;
        assert!((1..=512).contains(&code.len()), "{code:?}");
        assert!(
            !code.contains(|c: char| !c.is_ascii_graphic() || "<>\"'`;&?#%\\".contains(c)),
            "{code:?}"
        );
    }
}

/// The ticket that the reported page was signed with: no sixteen characters of it are without a digit.
const TICKET: &str = "aC7X90bQ11ffeeDD2233r5Wk8Zt0pLm4NvH6jYq1sGd3uEo9iBc7xRa2TfKy5zUh";
const PAGE: &str = "https://app.example.com/jsapi?q=%E4%B8%AD";

/// Whatever a page says that the client said: an explanation names each part once, and what is logged of it is one short line without
/// the ticket, even if the client echoes it.
pub fn report(body: &[u8]) {
    let Ok(JsonObject(report)) = serde_json::from_slice::<JsonObject<Report>>(body) else {
        return;
    };
    let refusal = ClientRefusal {
        code: report.code,
        text: report.text,
        href: report.url,
    };
    if let Some(signed) = signed() {
        let parts = refusal.explain(&signed);
        let different: HashSet<_> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(different.len(), parts.len(), "{parts:?}");
    }
    let told = Refusal::told_by_client(&refusal.code, &refusal.text);
    assert!(told.code.chars().count() <= 80 && told.text.chars().count() <= 200);
    for logged in [&told.code, &told.text] {
        assert!(
            !logged.contains(|c: char| c.is_control() || "\u{2028}\u{2029}\u{202E}".contains(c)),
            "{logged:?}"
        );
        let shown = (0..=TICKET.len() - 16).find(|from| logged.contains(&TICKET[*from..from + 16]));
        assert_eq!(shown, None, "{logged:?}");
    }
}

fn signed() -> Option<SignedPage> {
    let url = PageUrl::parse(&Origin::parse("https://app.example.com").ok()?, PAGE).ok()?;
    let recipe = Recipe {
        digest: Digest::Sha1,
        form: UrlForm::AsOpened,
    };
    Some(SignedPage::new(url, recipe, Arc::new(JsapiTicket::parse(TICKET).ok()?), 1))
}
