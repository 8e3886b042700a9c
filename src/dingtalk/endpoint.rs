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
