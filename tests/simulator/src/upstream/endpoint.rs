//! The endpoints of DingTalk that are simulated.

/// One endpoint, whatever the method it is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    AccessToken,
    UnifiedToken,
    JsapiTickets,
    UserByCode,
    UserDetails,
    WorkNotification,
    GetToken,
    GetJsapiTicket,
}

/// The envelopes that answers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The new API: HTTP statuses and `code`.
    Api,
    /// The old API below `/topapi`: `errcode`, gateway errors wrapped in 88.
    Topapi,
    /// The oldest paths: bare `errcode`.
    Legacy,
}

impl Endpoint {
    const ALL: [Self; 8] = [
        Self::AccessToken,
        Self::UnifiedToken,
        Self::JsapiTickets,
        Self::UserByCode,
        Self::UserDetails,
        Self::WorkNotification,
        Self::GetToken,
        Self::GetJsapiTicket,
    ];

    /// The path as the documentation writes it.
    pub fn path(self) -> &'static str {
        match self {
            Self::AccessToken => "/v1.0/oauth2/accessToken",
            Self::UnifiedToken => "/v1.0/oauth2/{corpId}/token",
            Self::JsapiTickets => "/v1.0/oauth2/jsapiTickets",
            Self::UserByCode => "/topapi/v2/user/getuserinfo",
            Self::UserDetails => "/topapi/v2/user/get",
            Self::WorkNotification => "/topapi/message/corpconversation/asyncsend_v2",
            Self::GetToken => "/gettoken",
            Self::GetJsapiTicket => "/get_jsapi_ticket",
        }
    }

    /// The endpoint that the documentation writes so, with or without its method.
    pub fn documented(name: &str) -> Option<Self> {
        let path = name.split_once(' ').map_or(name, |(_, path)| path);
        Self::ALL.into_iter().find(|known| known.path() == path)
    }

    /// The endpoint that a request with this path and method reaches.
    pub fn at(method: &str, path: &str) -> Option<Self> {
        let endpoint = match corp_id_of(path) {
            Some(_) => Self::UnifiedToken,
            None => Self::documented(path)?,
        };
        (endpoint.family() != Family::Api || method == "POST").then_some(endpoint)
    }

    pub fn known() -> String {
        Self::ALL.map(Self::path).join(", ")
    }

    pub fn family(self) -> Family {
        match self {
            Self::AccessToken | Self::UnifiedToken | Self::JsapiTickets => Family::Api,
            Self::UserByCode | Self::UserDetails | Self::WorkNotification => Family::Topapi,
            Self::GetToken | Self::GetJsapiTicket => Family::Legacy,
        }
    }

    /// What the ledger calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::AccessToken | Self::UnifiedToken | Self::GetToken => "get access_token",
            Self::JsapiTickets | Self::GetJsapiTicket => "get jsapi_ticket",
            Self::UserByCode => "exchange authCode",
            Self::UserDetails => "get user details",
            Self::WorkNotification => "send work notification",
        }
    }

    /// The permission that the app needs for it.
    pub fn scope(self) -> &'static str {
        match self {
            Self::UserDetails => "qyapi_get_member",
            _ => "qyapi_base",
        }
    }
}

/// The corpId in the path of the unified token endpoint.
pub fn corp_id_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1.0/oauth2/")?.strip_suffix("/token").filter(|corp_id| !corp_id.is_empty() && !corp_id.contains('/'))
}
