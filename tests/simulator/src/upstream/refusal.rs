//! The refusals that every endpoint knows, each in the words of the endpoint's family.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::api::Family;

/// Why DingTalk refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The body could not be read.
    Unreadable,
    TokenMissing,
    TokenInvalid,
    /// The suite_access_token of a third-party app is not valid.
    SuiteTokenInvalid,
    AuthCode,
    /// The code of an administrator who comes from the admin console is not valid.
    SsoCode,
    Permission {
        scope: String,
        client_id: String,
    },
    /// The call came from an address that is not on the app's list.
    Address {
        ip: String,
        client_id: String,
    },
    Busy,
    Rate(Limit),
    /// The month's calls are used up.
    Quota,
    /// The new API's other way to say that it is busy.
    Throttled,
}

/// Which rate limit is exceeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Calls of one API by one app, in a second.
    #[default]
    App,
    /// Calls of one API by everybody, in a second.
    Api,
    /// Calls of one API by a third-party app at one organisation, in a second.
    Organisation,
    /// Calls of one API by one app, in a minute.
    Minute,
}

impl Limit {
    fn errcode(self) -> i32 {
        match self {
            Self::App => 90018,
            Self::Api => 90002,
            Self::Organisation => 90019,
            Self::Minute => 90017,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::App => "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
            Self::Api => "Forbidden.AccessDenied.QpsLimitForApi",
            Self::Organisation => "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
            Self::Minute => "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Api => "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了",
            Self::App | Self::Organisation | Self::Minute => "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了",
        }
    }
}

const SUITE_TOKEN: &str = "suite_access_token已过期";
const QUOTA: &str = "您的企业本月的接口调用次数已用完";

impl Refusal {
    pub fn answer(self, family: Family) -> Answer {
        match family {
            Family::Api => self.by_api(),
            Family::Topapi => self.by_topapi(),
            Family::Legacy => self.by_legacy(),
        }
    }

    fn by_api(self) -> Answer {
        let error = |status, code, message| Answer::api_error(status, code, message);
        match self {
            Self::Unreadable => error(StatusCode::BAD_REQUEST, "Invalidbody", "Specified parameter body is not valid."),
            Self::TokenMissing => {
                error(StatusCode::BAD_REQUEST, "AuthenticationFailed.MissingParameter", "缺少请求头x-acs-dingtalk-access-token")
            }
            Self::TokenInvalid | Self::SuiteTokenInvalid => {
                error(StatusCode::BAD_REQUEST, "InvalidAuthentication", "不合法的access_token")
            }
            Self::AuthCode => error(StatusCode::BAD_REQUEST, "invalidParameter.authCode.notFound", "不合法的临时授权码"),
            Self::SsoCode => error(StatusCode::BAD_REQUEST, "invalidCode", "无效的授权码"),
            Self::Permission { scope, .. } => error(
                StatusCode::FORBIDDEN,
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                "没有调用该接口的权限，接口权限申请参考：https://open.dingtalk.com/document/orgapp-server/add-api-permission",
            )
            .with("accessdenieddetail", json!({"requiredScopes": [scope]})),
            Self::Address { ip, .. } => error(
                StatusCode::FORBIDDEN,
                "Forbidden.AccessDenied.IpNotInWhiteList",
                &format!("访问ip不在白名单之中,request ip={ip}"),
            ),
            Self::Busy => error(StatusCode::INTERNAL_SERVER_ERROR, "systemBusy", "系统繁忙"),
            Self::Rate(limit) => error(StatusCode::FORBIDDEN, limit.code(), limit.text()),
            Self::Quota => error(StatusCode::FORBIDDEN, "Forbidden.AccessDenied.ApiCountLimitForOrg", QUOTA),
            Self::Throttled => error(StatusCode::TOO_MANY_REQUESTS, "system.busy", "系统繁忙"),
        }
    }

    fn by_topapi(self) -> Answer {
        match self {
            Self::Unreadable => Answer::topapi_error(40035, "不合法的参数"),
            Self::TokenMissing => Answer::gateway_error("40000", "access_token is blank", ""),
            Self::TokenInvalid => Answer::gateway_error("40014", "不合法的access_token", ""),
            Self::SuiteTokenInvalid => Answer::gateway_error("42009", SUITE_TOKEN, ""),
            Self::AuthCode => Answer::topapi_error(40078, "不存在的临时授权码"),
            Self::SsoCode => Answer::topapi_error(41007, "无效的ssocode"),
            Self::Permission { scope, client_id } => Answer::gateway_error(
                "60011",
                &format!(
                    "应用尚未开通所需的权限：[{scope}]，点击链接申请并开通即可：\
                     https://open-dev.dingtalk.com/appscope/apply?content={client_id}%23{scope}"
                ),
                &format!(", {{requiredScopes=[{scope}]}}"),
            ),
            Self::Address { ip, client_id } => {
                Answer::gateway_error("60020", &format!("访问ip不在白名单之中,request ip={ip} appKey({client_id})"), "")
            }
            Self::Busy => Answer::topapi_error(-1, "系统繁忙"),
            Self::Rate(limit) => Answer::gateway_error(&limit.errcode().to_string(), limit.text(), ""),
            Self::Quota => Answer::gateway_error("90020", QUOTA, ""),
            // The old API has the same error for this as for `Busy`.
            Self::Throttled => Answer::topapi_error(-1, "系统繁忙"),
        }
    }

    fn by_legacy(self) -> Answer {
        match self {
            Self::Unreadable => Answer::legacy_error(40035, "不合法的参数"),
            Self::TokenMissing => Answer::legacy_error(41001, "缺少access_token参数"),
            Self::TokenInvalid => Answer::legacy_error(40014, "不合法的access_token"),
            Self::SuiteTokenInvalid => Answer::legacy_error(42009, SUITE_TOKEN),
            Self::AuthCode => Answer::legacy_error(40078, "不存在的临时授权码"),
            Self::SsoCode => Answer::legacy_error(41007, "无效的ssocode"),
            Self::Permission { .. } => Answer::legacy_error(60011, "没有调用该接口的权限"),
            Self::Address { ip, client_id } => {
                Answer::legacy_error(60020, &format!("访问ip不在白名单之中,request ip={ip} appKey({client_id})"))
            }
            Self::Busy => Answer::legacy_error(-1, "系统繁忙"),
            Self::Rate(limit) => Answer::legacy_error(limit.errcode(), limit.text()),
            Self::Quota => Answer::legacy_error(90020, QUOTA),
            Self::Throttled => Answer::legacy_error(-1, "系统繁忙"),
        }
    }
}
