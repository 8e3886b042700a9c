//! The refusals that every endpoint knows, each in the words of the endpoint's family.

use actix_web::http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::api::Family;

/// Why DingTalk does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    TokenMissing,
    TokenInvalid,
    AuthCode,
    Permission { scope: String, client_id: String },
    Busy,
    TooManyCalls,
}

const TOO_MANY_CALLS: &str = "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了";

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
            Self::TokenMissing => {
                error(StatusCode::BAD_REQUEST, "AuthenticationFailed.MissingParameter", "缺少请求头x-acs-dingtalk-access-token")
            }
            Self::TokenInvalid => error(StatusCode::BAD_REQUEST, "InvalidAuthentication", "不合法的access_token"),
            Self::AuthCode => error(StatusCode::BAD_REQUEST, "invalidParameter.authCode.notFound", "不合法的临时授权码"),
            Self::Permission { scope, .. } => error(
                StatusCode::FORBIDDEN,
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                "没有调用该接口的权限，接口权限申请参考：https://open.dingtalk.com/document/orgapp-server/add-api-permission",
            )
            .with("accessdenieddetail", json!({"requiredScopes": [scope]})),
            Self::Busy => error(StatusCode::INTERNAL_SERVER_ERROR, "systemBusy", "系统繁忙"),
            Self::TooManyCalls => error(StatusCode::FORBIDDEN, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", TOO_MANY_CALLS),
        }
    }

    fn by_topapi(self) -> Answer {
        match self {
            Self::TokenMissing => Answer::gateway_error("40000", "access_token is blank", ""),
            Self::TokenInvalid => Answer::gateway_error("40014", "不合法的access_token", ""),
            Self::AuthCode => Answer::topapi_error(40078, "不存在的临时授权码"),
            Self::Permission { scope, client_id } => Answer::gateway_error(
                "60011",
                &format!(
                    "应用尚未开通所需的权限：[{scope}]，点击链接申请并开通即可：\
                     https://open-dev.dingtalk.com/appscope/apply?content={client_id}%23{scope}"
                ),
                &format!(", {{requiredScopes=[{scope}]}}"),
            ),
            Self::Busy => Answer::topapi_error(-1, "系统繁忙"),
            Self::TooManyCalls => Answer::gateway_error("90018", TOO_MANY_CALLS, ""),
        }
    }

    fn by_legacy(self) -> Answer {
        match self {
            Self::TokenMissing => Answer::legacy_error(41001, "缺少access_token参数"),
            Self::TokenInvalid => Answer::legacy_error(40014, "不合法的access_token"),
            Self::AuthCode => Answer::legacy_error(40078, "不存在的临时授权码"),
            Self::Permission { .. } => Answer::legacy_error(60011, "没有调用该接口的权限"),
            Self::Busy => Answer::legacy_error(-1, "系统繁忙"),
            Self::TooManyCalls => Answer::legacy_error(90018, TOO_MANY_CALLS),
        }
    }
}
