//! The signature clinic, tried out in a client.

use super::chromium::Chromium;
use crate::support::TestApp;

#[tokio::test]
async fn the_clinic_tries_every_recipe_and_ends_with_a_report_to_copy() {
    let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/clinic", app.url)).await;
    chromium.click("#clinic-start").await;
    chromium.shown("#clinic-results").await;
    let report = chromium.run("return document.querySelector('#clinic-report').value", &[]).await;
    let report = report.as_str().unwrap();
    for line in ["accepted  sha1-as-opened", "accepted  sha256-query-decoded", "refused  sha1-origin-only", "platform: android"] {
        assert!(report.contains(line), "no {line} in {report}");
    }
    assert_eq!(report.matches("accepted  ").count() + report.matches("refused  ").count(), 8, "{report}");
    assert!(report.contains(&format!("library: {}\n", app.settings.web.jsapi_script_url)), "{report}");
    assert!(!report.replace("ticketList:[hidden]", "").contains("ticketList"), "{report}");
    chromium.sees("#clinic-progress[role=status]", "That is all of them.").await;
    chromium.click("#clinic-copy").await;
    chromium.sees("#clinic-copied", "Copied").await;
    assert_eq!(chromium.run("return document.activeElement.id", &[]).await, "clinic-copy");
    chromium.finish().await;
}

#[tokio::test]
async fn without_storage_the_clinic_says_so_and_stops() {
    let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/clinic", app.url)).await;
    chromium.shown("#clinic-start").await;
    chromium
        .on_every_document(
            "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
        )
        .await;
    chromium.click("#clinic-start").await;
    chromium
        .sees("#clinic-progress", "This client keeps nothing from one page to the next, so the results cannot be collected.")
        .await;
    chromium.finish().await;
}
