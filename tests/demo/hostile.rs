//! None of what DingTalk tells about people ever runs.

use crate::browser::hostile::{organisation, show_as_text};
use crate::support::TestApp;

#[tokio::test]
async fn whatever_people_are_called_is_shown_as_text_and_nothing_of_it_runs() {
    let rogue = organisation().await;
    let app = TestApp::demo_with(|settings| rogue.takes_dingtalks_place(settings)).await;
    show_as_text(&app, &rogue).await;
}
