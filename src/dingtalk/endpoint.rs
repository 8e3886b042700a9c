//! The calls by name, for errors and logs.

/// The calls that are made to DingTalk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Obtains the internal app's access_token (contract 1.1).
    AccessToken,
    /// Obtains the jsapi_ticket (contract 3.1).
    JsapiTicket,
    /// Exchanges an authCode for a userid (contract 5.1).
    UserByCode,
    /// Reads a user's details (contract 6.1).
    UserDetails,
}

impl Endpoint {
    /// What it grants or tells, in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::JsapiTicket => "jsapi_ticket",
            Self::UserByCode => "user_by_code",
            Self::UserDetails => "user_details",
        }
    }

    /// The path below its family's base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::AccessToken => "/v1.0/oauth2/accessToken",
            Self::JsapiTicket => "/v1.0/oauth2/jsapiTickets",
            Self::UserByCode => "/topapi/v2/user/getuserinfo",
            Self::UserDetails => "/topapi/v2/user/get",
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path())
    }
}
