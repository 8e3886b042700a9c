//! Everything that people read, in one file for each language. A language in which a word is missing does not compile.

mod en;
mod zh;

use serde::Serialize;

use crate::web::{ForScript, Language, words as plumbing};

/// The words of `language`.
pub fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &en::WORDS,
        Language::Chinese => &zh::WORDS,
    }
}

/// All words in one language. The pages' templates show what each is for.
#[derive(Debug)]
pub struct Words {
    /// What is said outside of the pages below.
    pub plumbing: plumbing::Words,
    pub nav: Nav,
    pub home: Home,
    pub profile: Profile,
    pub jsapi: Jsapi,
    pub jsapi_script: ForScript<JsapiScript>,
    pub signed_out: SignedOut,
    pub clinic: Clinic,
    pub clinic_script: ForScript<ClinicScript>,
}

/// `templates/nav.html`
#[derive(Debug)]
pub struct Nav {
    pub label: &'static str,
    pub home: &'static str,
    pub profile: &'static str,
    pub jsapi: &'static str,
}

/// `templates/home.html`
#[derive(Debug)]
pub struct Home {
    pub title: &'static str,
    pub signed_in: &'static str,
    pub tiles: &'static str,
    pub profile: Entry,
    pub jsapi: Entry,
    pub session: &'static str,
    pub log_out: &'static str,
}

/// Something with a name and a sentence about it.
#[derive(Debug)]
pub struct Entry {
    pub name: &'static str,
    pub about: &'static str,
}

/// `templates/profile.html`
#[derive(Debug)]
pub struct Profile {
    pub title: &'static str,
    pub owner: &'static str,
    pub administrator: &'static str,
    pub departments: &'static str,
    pub roles: &'static str,
    pub job_number: &'static str,
    pub work_place: &'static str,
    pub mobile: &'static str,
    pub email: &'static str,
    pub details_need: &'static str,
}

/// `templates/jsapi.html`
#[derive(Debug)]
pub struct Jsapi {
    pub title: &'static str,
    pub configuring: &'static str,
    pub configuring_text: &'static str,
    pub load_again: &'static str,
    pub run: &'static str,
    pub open: Entry,
    pub network: Entry,
    pub alert: Entry,
    pub toast: Entry,
    pub confirm: Entry,
    pub set_title: Entry,
    pub vibrate: Entry,
    pub open_link: Entry,
    pub gated: Entry,
    pub choose: Entry,
    pub location: Entry,
    pub documentation: &'static str,
}

/// `static/app/jsapi.js`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsapiScript {
    pub accepted: &'static str,
    pub accepted_text: &'static str,
    pub refused: &'static str,
    pub refused_text: &'static str,
    pub ok: &'static str,
    pub failed: &'static str,
    pub cancelled: &'static str,
    pub samples: Samples,
}

/// What the sample calls show in the client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Samples {
    pub alert_title: &'static str,
    pub alert: &'static str,
    pub button: &'static str,
    pub toast: &'static str,
    pub confirm_title: &'static str,
    pub confirm: &'static str,
    pub confirm_no: &'static str,
    pub confirm_yes: &'static str,
    pub title: &'static str,
}

/// `templates/clinic.html`
#[derive(Debug)]
pub struct Clinic {
    pub title: &'static str,
    pub about: &'static str,
    pub start: &'static str,
    pub under_way: &'static str,
    pub done: &'static str,
    pub report: &'static str,
    pub copy: &'static str,
}

/// `static/app/clinic.js`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClinicScript {
    pub no_storage: &'static str,
    pub copied: &'static str,
    pub copy_by_hand: &'static str,
}

/// `templates/signed_out.html`
#[derive(Debug)]
pub struct SignedOut {
    pub title: &'static str,
    pub heading: &'static str,
    pub text: &'static str,
    pub sign_in: &'static str,
}
