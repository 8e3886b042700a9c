//! Which of DingTalk's hosts a call was sent to: each has its own family of APIs, and knows nothing of the other's.

use actix_web::HttpRequest;

use super::api::Family;
use crate::server::host;
use crate::world::Shared;

/// The host that a call was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `api.dingtalk.com`
    New,
    /// `oapi.dingtalk.com`
    Old,
    /// One address for both hosts.
    Both,
}

impl Side {
    pub fn of(request: &HttpRequest, shared: &Shared) -> Self {
        let old = shared.world().setup.old;
        match host(request) {
            host if host.starts_with("api.dingtalk.") => Self::New,
            host if host.starts_with("oapi.dingtalk.") => Self::Old,
            _ => match old {
                None => Self::Both,
                Some(place) if place == request.app_config().local_addr() => Self::Old,
                // Over HTTPS only the host's name separates the families, and this is neither name.
                Some(_) if request.app_config().secure() => Self::Both,
                Some(_) => Self::New,
            },
        }
    }

    /// Whether this host has APIs of this family.
    pub fn has(self, family: Family) -> bool {
        match (self, family) {
            (Self::Both, _) | (Self::New, Family::Api) | (Self::Old, Family::Topapi | Family::Legacy) => true,
            (Self::New, Family::Topapi | Family::Legacy) | (Self::Old, Family::Api) => false,
        }
    }
}
