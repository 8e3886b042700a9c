//! The table of problems: one row for each.

use actix_web::http::StatusCode;

use super::{Explanation, Problem};
use crate::web::page::words::Both;

/// A mistake of ours. Scripts show the same words for a response that explains nothing, such as a proxy's.
pub const INTERNAL: Explanation = row(
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal",
    Both("Something went wrong on our side.", "服务出现异常"),
    Both("Try again. If it keeps happening, tell your administrator.", "请重试。如果问题仍然存在，请联系管理员。"),
);

const fn row(status: StatusCode, code: &'static str, happened: Both, next: Both) -> Explanation {
    Explanation { status, code, happened, next }
}

impl Problem {
    /// The status, code and words with which the problem is answered.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::CodeRejected { .. } => row(
                StatusCode::UNAUTHORIZED,
                "code_rejected",
                Both("DingTalk did not accept the sign-in code.", "免登授权码未通过钉钉校验"),
                Both(
                    "Try again. If it keeps happening, close this page and open it again from DingTalk.",
                    "请重试。如果问题仍然存在，请关闭页面，从钉钉重新打开。",
                ),
            ),
            Self::LoginRequired => row(
                StatusCode::UNAUTHORIZED,
                "login_required",
                Both("You are not signed in.", "您还没有登录"),
                Both("Open the app again to sign in.", "请重新打开应用进行登录。"),
            ),
            Self::StateRejected => row(
                StatusCode::FORBIDDEN,
                "state_rejected",
                Both("The sign-in of this page is no longer valid.", "本次登录已失效"),
                Both(
                    "Try again. If it keeps happening, this browser may block cookies: allow them, or open the app in its own window.",
                    "请重试。如果问题仍然存在，可能是浏览器拦截了 Cookie：请允许 Cookie，或在独立窗口中打开本应用。",
                ),
            ),
            Self::OriginRejected => row(
                StatusCode::FORBIDDEN,
                "origin_rejected",
                Both("The request came from an address that this app does not trust.", "请求来自不受信任的地址"),
                Both("Close this page and open the app again from DingTalk.", "请关闭页面，从钉钉重新打开本应用。"),
            ),
            Self::OrganisationRejected => row(
                StatusCode::FORBIDDEN,
                "organisation_rejected",
                Both("This app belongs to another organisation.", "此应用不属于当前组织"),
                Both(
                    "Switch to that organisation in DingTalk, then open the app from its workbench.",
                    "请在钉钉中切换到应用所属的组织，再从工作台打开。",
                ),
            ),
            Self::OrganisationUnknown => row(
                StatusCode::BAD_REQUEST,
                "organisation_unknown",
                Both("DingTalk did not say which organisation you are in.", "钉钉没有告知当前所在的组织"),
                Both("Open the app from the workbench in DingTalk.", "请从钉钉工作台打开此应用。"),
            ),
            Self::NotAuthorised(_) => row(
                StatusCode::FORBIDDEN,
                "not_authorised",
                Both("Your organisation does not use this app at present.", "所在组织未开通或已停用此应用"),
                Both(
                    "Ask its administrator to install or enable the app, then open it from the workbench.",
                    "请联系管理员开通或启用应用，再从工作台打开。",
                ),
            ),
            Self::UserChanged => row(
                StatusCode::CONFLICT,
                "user_changed",
                Both("Somebody else is signed in to DingTalk now.", "钉钉已切换为其他账号"),
                Both("Load the page again.", "请重新加载页面。"),
            ),
            Self::NotFound => row(
                StatusCode::NOT_FOUND,
                "not_found",
                Both("There is nothing here.", "页面不存在"),
                Both("Check the address for typing errors.", "请检查地址是否正确。"),
            ),
            Self::MethodNotAllowed { .. } => row(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                Both("That cannot be done here.", "不支持此操作"),
                Both("Go back to the home page.", "请返回首页。"),
            ),
            Self::CodeInUse => row(
                StatusCode::CONFLICT,
                "code_in_use",
                Both("This sign-in is already under way in another window.", "另一个窗口正在登录"),
                Both("Wait a moment, then try again.", "请稍候重试。"),
            ),
            Self::RequestTimeout => row(
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                Both("The request took too long to arrive.", "请求传输超时"),
                Both("Check your connection, then try again.", "请检查网络连接后重试。"),
            ),
            Self::PayloadTooLarge => row(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                Both("The request is too large.", "请求内容过大"),
                Both("Send less at once.", "请减少内容后重试。"),
            ),
            Self::UriTooLong => row(
                StatusCode::URI_TOO_LONG,
                "uri_too_long",
                Both("This address is too long.", "网址过长"),
                Both("Open the app from DingTalk's workbench.", "请从钉钉工作台打开应用。"),
            ),
            Self::HeadTooLarge => row(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                Both("The browser sent too much along.", "浏览器附带的信息过多"),
                Both("Clear the cookies of this site and try again.", "请清除本站的 Cookie 后重试。"),
            ),
            Self::UnsupportedMediaType => row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                Both("This type of content is not accepted here.", "不支持此类型的内容"),
                Both("Send it as another type.", "请更换类型后重试。"),
            ),
            Self::BadRequest(_) => row(
                StatusCode::BAD_REQUEST,
                "bad_request",
                Both("The request cannot be understood.", "无法识别该请求"),
                Both("Load the page again: it may be out of date.", "页面可能已过期，请重新加载。"),
            ),
            Self::UrlRejected(_) => row(
                StatusCode::BAD_REQUEST,
                "url_rejected",
                Both("This address cannot be signed for DingTalk.", "无法为此地址生成钉钉签名"),
                Both("Open the app again from DingTalk.", "请从钉钉重新打开本应用。"),
            ),
            Self::LoginQueued { .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "login_queued",
                Both("Many people are signing in right now.", "当前登录人数较多"),
                Both("Wait a moment: your turn comes.", "正在排队，请稍候。"),
            ),
            Self::RateLimited { .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                Both("There were too many attempts in a short time.", "操作过于频繁"),
                Both("Wait a minute, then try again.", "请一分钟后重试。"),
            ),
            Self::RetryWithNewCode(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "retry_with_new_code",
                Both("Signing in was interrupted.", "身份验证中断"),
                Both("Try again in a moment.", "请稍后重试。"),
            ),
            Self::DingtalkUnavailable(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "dingtalk_unavailable",
                Both("DingTalk cannot be reached at the moment.", "暂时无法连接钉钉"),
                Both("Wait a minute, then try again.", "请一分钟后重试。"),
            ),
            Self::Crowded(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "crowded",
                Both("Too many people are using this app right now.", "当前访问人数过多"),
                Both("Wait a minute, then try again.", "请一分钟后重试。"),
            ),
            Self::QuotaSpent(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "quota_spent",
                Both("Your organisation has used up its DingTalk calls for this month.", "所在组织本月的钉钉接口调用次数已用完"),
                Both(
                    "Ask your administrator for a larger quota, or wait until next month.",
                    "请联系管理员增加接口调用额度，或等到下个月。",
                ),
            ),
            Self::Misconfigured(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "misconfigured",
                Both("This app is not set up correctly.", "应用配置有误"),
                Both("Please tell your administrator, with the reference below.", "请联系管理员，并提供下方的请求编号。"),
            ),
            Self::Internal(_) => INTERNAL,
            Self::Own(explanation) | Self::OwnSaying(explanation, _) => *explanation,
        }
    }
}
