//! `/clinic`: closed, unless an administrator opens it.

use serde_json::Value;

use crate::support::{TestApp, between, client_accepts};

#[tokio::test]
async fn the_clinic_is_closed_by_default_and_needs_a_session_when_open() {
    let closed = TestApp::start().await;
    assert_eq!(closed.browser_of("alice").await.go("/clinic").await.status, 404);

    let open = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    assert!(open.browser().open("/clinic").await.body.contains("id=\"entry\""));
    let mut browser = open.browser_of("alice").await;
    assert!(browser.go("/clinic").await.body.contains("clinic-start"));
    assert_eq!(browser.go("/clinic?recipe=nonsense").await.status, 404);
}

#[tokio::test]
async fn every_recipe_leads_to_the_next_and_signs_what_its_name_says() {
    let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    let mut browser = app.browser_of("alice").await;
    let mut page = browser.go("/clinic").await.body;
    let mut tried = Vec::new();
    while let Some(next) = between(&page, "data-next=\"", "\"").map(|next| next.replace("&amp;", "&").replace("&#38;", "&")) {
        page = browser.go(&next).await.body;
        let recipe = between(&page, "data-recipe=\"", "\"").unwrap().to_owned();
        let config = between(&page, "data-jsapi=\"", "\"").unwrap().replace("&quot;", "\"").replace("&#34;", "\"");
        let config: Value = serde_json::from_str(&config).unwrap();
        let verdict = client_accepts(&app.dingtalk, &config, &format!("{}{next}", app.url)).await;
        tried.push((recipe, verdict["matched"]["digest"].clone(), verdict["matched"]["url"].clone()));
        assert!(!page.contains("ticket"), "no ticket is shown");
    }
    let matched: Vec<_> = tried.iter().map(|(recipe, digest, url)| (recipe.as_str(), digest.as_str(), url.as_str())).collect();
    let expected = [
        ("sha1-as-opened", Some("sha1"), Some("raw")),
        ("sha1-query-decoded", Some("sha1"), Some("decoded")),
        ("sha1-query-form-decoded", Some("sha1"), Some("decoded")),
        ("sha1-origin-only", None, None),
        ("sha256-as-opened", Some("sha256"), Some("raw")),
        ("sha256-query-decoded", Some("sha256"), Some("decoded")),
        ("sha256-query-form-decoded", Some("sha256"), Some("decoded")),
        ("sha256-origin-only", None, None),
    ];
    assert_eq!(matched, expected);
}
