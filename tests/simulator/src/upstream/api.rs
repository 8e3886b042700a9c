//! The description of an API of DingTalk: its path, who may call it, and the function that answers.

use super::answer::Answer;
use super::call::Call;
use crate::world::{Holder, OnBehalf, World};

/// One API of DingTalk.
#[derive(Debug)]
pub struct Api {
    /// The path as the documentation writes it, with `{…}` for a segment that is a value.
    pub path: &'static str,
    pub method: Method,
    /// What its calls are labelled in the ledger.
    pub label: &'static str,
    /// The permission that an app needs for it.
    pub scope: &'static str,
    pub access: Access,
}

impl Api {
    /// An API that is called with POST.
    pub const fn post(path: &'static str, label: &'static str, scope: &'static str, access: Access) -> Self {
        Self { path, method: Method::Post, label, scope, access }
    }

    /// An API that is called with GET.
    pub const fn get(path: &'static str, label: &'static str, scope: &'static str, access: Access) -> Self {
        Self { path, method: Method::Get, label, scope, access }
    }
}

/// The HTTP method of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    /// Both are documented.
    Either,
}

/// Who may call an API, and the function that answers.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Any caller; the call itself carries what proves who they are, and no token.
    Open(fn(&Call, &mut World) -> Result<Answer, Answer>),
    /// An app at an organisation, with the access_token of that organisation.
    App(fn(&Call, &Holder, &mut World) -> Answer),
    /// A third-party app, with its suite_access_token.
    Suite(fn(&Call, &Holder, &mut World) -> Answer),
    /// The back end of an app, with the SSO access_token of an organisation.
    Sso(fn(&Call, &Holder, &mut World) -> Answer),
    /// An app on behalf of a person who logged in with a browser, with that person's access_token.
    User(fn(&Call, &OnBehalf, &mut World) -> Answer),
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

impl Family {
    pub fn of(path: &str) -> Self {
        match path {
            _ if has_version(path) => Self::Api,
            _ if path.starts_with("/topapi/") => Self::Topapi,
            _ => Self::Legacy,
        }
    }
}

/// Whether a path begins with a version; the documentation has `/v1.0/` and `/v2.0/`.
fn has_version(path: &str) -> bool {
    let version = path.strip_prefix("/v").and_then(|rest| rest.split_once('/')).map(|(version, _)| version);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    version.and_then(|version| version.split_once('.')).is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

impl Api {
    pub fn family(&self) -> Family {
        Family::of(self.path)
    }

    /// Whether this is the API at `path`.
    pub fn is_at(&self, path: &str) -> bool {
        fits(self.path, path)
    }
}

/// Whether `path` matches `pattern`, where `{…}` stands for any segment that is not empty.
pub fn fits(pattern: &str, path: &str) -> bool {
    let (mut own, mut asked) = (pattern.split('/'), path.split('/'));
    loop {
        match (own.next(), asked.next()) {
            (None, None) => return true,
            (Some(own), Some(asked)) if own == asked || (own.starts_with('{') && !asked.is_empty()) => {}
            _ => return false,
        }
    }
}

impl Method {
    pub fn takes(self, method: &str) -> bool {
        match self {
            Self::Get => method == "GET",
            Self::Post => method == "POST",
            Self::Either => matches!(method, "GET" | "POST"),
        }
    }
}
