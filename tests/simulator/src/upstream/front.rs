//! Answers from systems in front of DingTalk's endpoints, in the form of neither API family: a gateway, a network's login portal, the
//! firewall that bans IP addresses.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, upper_case_uuid};

/// The form in which DingTalk says that it has banned an IP address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BanForm {
    /// `{"status":1111,"wait":5,…}`
    #[default]
    Json,
    /// A page.
    Html,
}

/// A gateway's own page for a status.
pub fn gateway(status: StatusCode) -> Answer {
    // HTTP allows no body with these two.
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Answer::page(status, String::new());
    }
    let title = [Some(status.as_str()), status.canonical_reason()];
    let title = title.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Answer::page(
        status,
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n"
        ),
    )
}

/// The login page of a network's portal, with status 200, where DingTalk's JSON is expected.
pub fn portal() -> Answer {
    let page = "<!doctype html>\n<html>\n<head><title>Sign in to this network</title></head>\n\
                <body><h1>Sign in to this network</h1></body>\n</html>\n";
    Answer::page(StatusCode::OK, page.to_owned())
}

/// An IP ban. Neither form has an errcode, and both come with 200.
pub fn ban(form: BanForm) -> Answer {
    match form {
        BanForm::Json => Answer::punishment(json!({
            "status": 1111,
            "wait": 5,
            "source": "x5",
            "punish": "deny",
            "uuid": upper_case_uuid(),
        })),
        BanForm::Html => Answer::page(
            StatusCode::OK,
            "<!doctype html>\n<html>\n<head><title>punish</title></head>\n\
             <body><h1>Your address was shut out. Come back in five minutes.</h1></body>\n</html>\n"
                .to_owned(),
        ),
    }
}
