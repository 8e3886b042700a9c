//! What can go wrong with one call, on purpose.

use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::api::{Access, Family};
use super::apis;
use super::call::Call;
use super::delivery::Delivery;
use super::front::{self, BanForm};
use super::gateway;
use super::refusal::{Limit, Refusal};
use super::reshape::Form;
use crate::server::is_own;
use crate::world::World;

const LONGEST_WAIT: u64 = 10 * 60 * 1000;
/// Statuses below 200 are not final: the caller would wait for another.
const STATUSES: RangeInclusive<u16> = 200..=599;

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// 40078: no such authCode.
    AuthCodeError,
    /// 88 with sub_code 60011, or 403 at the new API.
    Permission,
    /// Too many calls: a rate limit is exceeded.
    Rate {
        /// Which limit.
        #[serde(default)]
        limit: Limit,
    },
    /// 90020: the month's calls are used up.
    Quota,
    /// 429 `system.busy`, at the new API only.
    Throttled,
    /// 60020: the call came from an address that is not on the app's list.
    Address,
    /// The normal answer, written in another way.
    Form {
        /// The form that the answer has.
        form: Form,
    },
    /// -1, or 500 at the new API.
    Busy,
    /// The normal answer, later.
    Delay {
        /// The delay.
        milliseconds: u64,
    },
    /// The access_token that the call brings is revoked before the call is answered.
    RevokedToken,
    /// A gateway answers with this status and its page; the call does not reach DingTalk.
    Status {
        /// 200 to 599.
        status: u16,
    },
    /// 200 with a page, as from a portal that wants a login; the call does not reach DingTalk.
    Html,
    /// DingTalk has banned the IP address: an answer without an errcode, and no effect.
    Ban {
        /// Which of the two forms in which DingTalk has been seen to answer.
        #[serde(default)]
        form: BanForm,
    },
    /// The call takes effect; half of the answer's body comes, then the connection is closed.
    Cut,
    /// The call takes effect; its answer comes byte by byte.
    Drip {
        /// The pause between two bytes.
        #[serde(default = "half_a_second")]
        milliseconds: u64,
    },
    /// The call takes effect; the connection is closed without an answer.
    Lost,
}

fn half_a_second() -> u64 {
    500
}

/// What a fault does to a call.
pub enum Consequence {
    /// This answer is sent, and the call has no effect.
    Instead(Answer),
    Wait(Duration),
    RevokeToken,
    /// The call takes effect, and its answer has this form.
    Reshape(Form),
    /// The call takes effect, and its answer is delivered like this.
    Deliver(Delivery),
}

impl Fault {
    pub(super) fn consequence(&self, call: &Call, world: &World) -> Consequence {
        let refuse = |refusal: Refusal| Consequence::Instead(refusal.answer(call.family()));
        match self {
            Self::AuthCodeError if call.api.is_some_and(|api| matches!(api.access, Access::Sso(_))) => refuse(Refusal::SsoCode),
            Self::AuthCodeError => refuse(Refusal::AuthCode),
            Self::Permission => refuse(Refusal::Permission {
                scope: call.api.map_or("qyapi_base", |api| api.scope).to_owned(),
                client_id: gateway::caller(call, world).map(|caller| caller.client_id).unwrap_or_default(),
            }),
            Self::Busy => refuse(Refusal::Busy),
            Self::Rate { limit } => refuse(Refusal::Rate(*limit)),
            Self::Quota => refuse(Refusal::Quota),
            Self::Throttled => refuse(Refusal::Throttled),
            Self::Address => refuse(Refusal::Address {
                ip: call.ip.clone(),
                client_id: gateway::caller(call, world).map(|caller| caller.client_id).unwrap_or_default(),
            }),
            Self::Form { form } => Consequence::Reshape(*form),
            Self::Delay { milliseconds } => Consequence::Wait(Duration::from_millis(*milliseconds)),
            Self::RevokedToken => Consequence::RevokeToken,
            Self::Status { status } => Consequence::Instead(front::gateway(
                // It always is a status: `objection` refuses faults with any other.
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
            )),
            Self::Html => Consequence::Instead(front::portal()),
            Self::Ban { form } => Consequence::Instead(front::ban(*form)),
            Self::Cut => Consequence::Deliver(Delivery::Cut),
            Self::Drip { milliseconds } => Consequence::Deliver(Delivery::Drip(Duration::from_millis(*milliseconds))),
            Self::Lost => Consequence::Deliver(Delivery::Lost),
        }
    }

    /// Why this fault cannot occur at this path; `None` if it can.
    pub(crate) fn objection(&self, path: &str) -> Option<&'static str> {
        let takes = |test: fn(&Access) -> bool| apis::at(path).is_none_or(|api| test(&api.access));
        match self {
            _ if is_own(path) => Some("only calls of an app to DingTalk can be spoilt"),
            Self::AuthCodeError if !apis::takes_code(path) => Some("this call has no authCode"),
            Self::RevokedToken if !takes(|access| matches!(access, Access::App(_))) => Some("this call has no access_token"),
            Self::Throttled | Self::Form { form: Form::Capitals } if Family::of(path) != Family::Api => {
                Some("only the new API answers so")
            }
            Self::Delay { milliseconds } if *milliseconds > LONGEST_WAIT => Some("a delay is at most 600000 milliseconds"),
            Self::Drip { milliseconds } if !(1..=LONGEST_WAIT).contains(milliseconds) => {
                Some("a drip has 1 to 600000 milliseconds between two bytes")
            }
            Self::Status { status } if !STATUSES.contains(status) => Some("a status is between 200 and 599"),
            _ => None,
        }
    }

    /// The name in the ledger.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::AuthCodeError => "authCodeError".to_owned(),
            Self::Permission => "permission".to_owned(),
            Self::Busy => "busy".to_owned(),
            Self::Rate { limit } => format!("rate, {limit:?}").to_lowercase(),
            Self::Quota => "quota".to_owned(),
            Self::Throttled => "throttled".to_owned(),
            Self::Address => "address".to_owned(),
            Self::Form { form } => format!("form, {form:?}").to_lowercase(),
            Self::Delay { milliseconds } => format!("delay of {milliseconds} ms"),
            Self::RevokedToken => "revokedToken".to_owned(),
            Self::Status { status } => format!("status {status}"),
            Self::Html => "html".to_owned(),
            Self::Ban { .. } => "ban".to_owned(),
            Self::Cut => "cut".to_owned(),
            Self::Drip { milliseconds } => format!("drip, a byte each {milliseconds} ms"),
            Self::Lost => "lost".to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
