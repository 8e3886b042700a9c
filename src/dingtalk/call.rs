//! The calls of DingTalk's API, as values.

use std::fmt;

/// One call: where it goes, how it is authorised and read, and whether it may be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    name: &'static str,
    path: &'static str,
    pub(super) family: Family,
    pub(super) repeatable: bool,
}

/// DingTalk's two APIs, each with its own host, place for the access_token, and form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `https://oapi.dingtalk.io/topapi/…`
    Old,
    /// `https://api.dingtalk.io/v1.0/…`
    New,
}

impl Call {
    /// The same token comes back, renewed, while it is valid.
    pub const ACCESS_TOKEN: Self = Self::new("access_token", "/v1.0/oauth2/accessToken").repeatable();
    /// The same ticket comes back, renewed, until it is 24 hours old.
    pub const JSAPI_TICKET: Self = Self::new("jsapi_ticket", "/v1.0/oauth2/jsapiTickets").repeatable();
    /// Uses up the authCode, whatever comes back.
    pub const USER_BY_CODE: Self = Self::old("user_by_code", "/topapi/v2/user/getuserinfo");
    /// Needs the permission qyapi_get_member.
    pub const USER_DETAILS: Self = Self::old("user_details", "/topapi/v2/user/get").repeatable();

    /// A POST to the old API. `name` stands for it in metrics.
    pub const fn old(name: &'static str, path: &'static str) -> Self {
        Self::of(Family::Old, name, path)
    }

    /// A POST to the new API. `name` stands for it in metrics.
    pub const fn new(name: &'static str, path: &'static str) -> Self {
        Self::of(Family::New, name, path)
    }

    const fn of(family: Family, name: &'static str, path: &'static str) -> Self {
        Self { name, path, family, repeatable: false }
    }

    /// The same call, of which making it twice does no harm: while the trouble looks passing, it is tried again.
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// What it is called in metrics.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The path below its family's base URL.
    pub fn path(&self) -> &'static str {
        self.path
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}
