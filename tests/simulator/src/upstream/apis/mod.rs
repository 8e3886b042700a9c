//! The APIs of DingTalk that are simulated.

mod activation;
mod admin_logins;
mod app_tokens;
mod browser_logins;
mod calendars;
mod corp_tokens;
mod departments;
mod gateway_connections;
mod messages;
mod organisations;
mod signed;
mod tickets;
mod user_shapes;
mod users;

use super::api::Api;

pub use app_tokens::internal_of;
pub use organisations::{APP_ID, authorisation_with_scope};
#[cfg(test)]
pub use users::USER_DETAILS;
pub use users::{USER_BY_CODE, USER_BY_CODE_OLD};

/// All simulated APIs. If two match a path, the first one is called.
pub static ALL: [&Api; 38] = [
    &app_tokens::ACCESS_TOKEN,
    &app_tokens::UNIFIED_TOKEN,
    &app_tokens::GET_TOKEN,
    &corp_tokens::CORP_ACCESS_TOKEN,
    &corp_tokens::SUITE_ACCESS_TOKEN,
    &corp_tokens::GET_CORP_TOKEN,
    &corp_tokens::GET_SUITE_TOKEN,
    &organisations::GET_AUTH_INFO,
    &tickets::JSAPI_TICKETS,
    &tickets::GET_JSAPI_TICKET,
    &activation::AUTH_INFO,
    &activation::PERMANENT_CODE,
    &activation::ACTIVATE,
    &activation::INACTIVE,
    &users::USER_BY_CODE,
    &users::USER_BY_CODE_OLD,
    &users::USER_DETAILS,
    &users::USER_DETAILS_OLD,
    &users::USER_BY_UNION_ID,
    &users::USER_BY_MOBILE,
    &departments::LIST_SUB,
    &departments::GET,
    &departments::LIST_PARENTS,
    &departments::LIST_IDS,
    &departments::LIST_USERS,
    &departments::SCOPES,
    &departments::LIST_OLD,
    &messages::WORK_NOTIFICATION,
    &messages::PROGRESS,
    &messages::RESULT,
    &browser_logins::USER_ACCESS_TOKEN,
    &browser_logins::CONTACT_USER,
    &calendars::LIST,
    &admin_logins::SSO_ACCESS_TOKEN,
    &admin_logins::SSO_USER_INFO,
    &admin_logins::SSO_GET_TOKEN,
    &admin_logins::SSO_GET_USER_INFO,
    &gateway_connections::OPEN_CONNECTION,
];

/// The API whose documented path is `name`, which may have the method in front.
pub fn documented(name: &str) -> Option<&'static Api> {
    let path = name.split_once(' ').map_or(name, |(_, path)| path);
    ALL.into_iter().find(|api| api.path == path)
}

/// The API that a request for this path reaches.
pub fn at(path: &str) -> Option<&'static Api> {
    ALL.into_iter().find(|api| api.is_at(path))
}

/// Whether a call of this path brings a code. A path that is not simulated might.
pub fn takes_code(path: &str) -> bool {
    let known = [
        users::USER_BY_CODE.path,
        users::USER_BY_CODE_OLD.path,
        activation::PERMANENT_CODE.path,
        browser_logins::USER_ACCESS_TOKEN.path,
        admin_logins::SSO_USER_INFO.path,
        admin_logins::SSO_GET_USER_INFO.path,
    ];
    known.contains(&path) || at(path).is_none()
}

/// Whether any API or field needs this permission.
pub fn is_scope(name: &str) -> bool {
    [users::FIELD_MOBILE, users::FIELD_EMAIL].contains(&name) || ALL.into_iter().any(|api| api.scope == name)
}

/// The paths of all simulated APIs, for the error after a misspelt one.
pub fn known() -> String {
    ALL.map(|api| api.path).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_a_value_may_be_anything_but_nothing() {
        let path = |path| at(path).map(|api| api.path);
        assert_eq!(path("/v1.0/oauth2/dingcorp/token"), Some("/v1.0/oauth2/{corpId}/token"));
        assert_eq!(path("/v1.0/oauth2//token"), None);
        assert_eq!(path("/v1.0/oauth2/a/b/token"), None);
        assert_eq!(path("/v1.0/oauth2/accessToken"), Some("/v1.0/oauth2/accessToken"));
    }
}
