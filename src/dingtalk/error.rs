//! What can go wrong with DingTalk, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use super::Call;

/// A sentence for people who run the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As logs have it.
    pub english: String,
    /// Simplified.
    pub chinese: String,
}

/// A sentence in both languages, English first; both are formats. `Told` must be in scope.
macro_rules! told {
    ($english:literal, $chinese:literal) => {
        Told { english: format!($english), chinese: format!($chinese) }
    };
}
pub(crate) use told;

/// A call to DingTalk that did not succeed. One failed renewal is reported to everybody who waited for it, so errors can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {said}")]
pub struct Error {
    pub(super) call: Call,
    /// What happened.
    pub kind: Kind,
    pub(super) said: Box<str>,
    pub(super) source: Option<Arc<reqwest::Error>>,
}

/// What happened to a call, sorted by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Drop this access_token, fetch another, try once more.
    TokenRejected,
    /// The authCode is wrong, too old, used, or another app's: DingTalk does not tell which. The page must ask the client for a new one.
    CodeRejected,
    /// Try again in a moment.
    Busy,
    /// Too many calls in this second.
    RateLimited,
    /// Its turn did not come in time; about so long is still to go. Nothing was sent that counts.
    NoTurn(Duration),
    /// So many calls wait that this one could not. It may be better after this time.
    Crowded(Duration),
    /// Too many calls in a longer or unstated window.
    LimitedForLonger,
    /// The organisation's calls for this month are used up.
    QuotaSpent,
    /// No such person.
    UserUnknown,
    /// Client ID and secret do not belong together, or not to an app.
    Credentials,
    /// This machine's clock is not DingTalk's.
    Clock,
    /// The app lacks a permission.
    Permission(Option<String>),
    /// The server's address is not on the app's list.
    IpNotAllowed(Option<String>),
    /// The person is outside the app's visible range.
    UserNotVisible,
    /// The app is stopped in the organisation.
    AppStopped,
    /// The organisation has not authorised the app, or does no longer.
    NotAuthorised,
    /// The suite ticket is missing or not the latest.
    SuiteTicket,
    /// Nobody knows the call where it went.
    NoSuchCall,
    /// DingTalk was not reached, so nothing happened there.
    NotSent(NoConnection),
    /// The request went out; what became of it is not known.
    AnswerLost,
    /// Something answered, with this HTTP status, that does not speak DingTalk's protocol: a proxy, a broken answer.
    Unintelligible(u16),
    /// A success, of which a field is not what it must be. Asking again brings the same.
    Malformed,
    /// DingTalk shuts this server's address out for so long, or something between answers with a page of its own.
    Banned(Duration),
    /// No call was made, because of a ban that lasts so long.
    NotAsked(Duration),
    /// The task that made the call is gone: the program is stopping.
    Interrupted,
    /// DingTalk refused for another reason: most likely a mistake of ours.
    Unexpected,
}

/// Why DingTalk was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// The host's name has no address.
    NameNotFound,
    /// Nobody listens there.
    Refused,
    /// Nobody says anything.
    TimedOut,
    /// Whoever answers is not who they should be.
    Tls,
    /// The proxy is not reached, or opens no tunnel.
    Proxy,
    /// The proxy wants to know who asks, and does not know this user and password.
    ProxyLogin,
    /// Something else.
    Other,
}

/// What stands before the code, in the words of a refusal.
pub(super) const REFUSED: &str = "dingtalk refused with ";

impl Error {
    /// `said` is the text for the log, without secrets.
    pub(super) fn new(call: Call, kind: Kind, said: impl Into<String>) -> Self {
        Self { call, kind, said: said.into().into(), source: None }
    }

    pub(super) fn interrupted(call: Call) -> Self {
        Self::new(call, Kind::Interrupted, "the call was interrupted")
    }

    /// What DingTalk calls it, such as `60121`, if it has refused the call: an app tells the refusals of its own calls apart by that.
    pub fn code(&self) -> Option<&str> {
        self.said.strip_prefix(REFUSED)?.split(':').next()
    }

    /// What happened, in one word out of few.
    pub fn name(&self) -> &'static str {
        self.name_and_advice().0
    }

    /// What can be mended, and where, for the log.
    pub fn fix(&self) -> Option<String> {
        self.advice().map(|advice| advice.english)
    }

    /// The same in both languages.
    pub fn advice(&self) -> Option<Told> {
        self.name_and_advice().1
    }

    #[rustfmt::skip] // A row a kind.
    fn name_and_advice(&self) -> (&'static str, Option<Told>) {
        let misconfigured = |told| ("misconfigured", Some(told));
        let not_sent = |told| ("not_sent", Some(told));
        match &self.kind {
            Kind::TokenRejected => ("token_rejected", None),
            Kind::CodeRejected => ("code_rejected", None),
            Kind::Busy => ("busy", None),
            Kind::RateLimited => ("rate_limited", None),
            Kind::NoTurn(_) => ("no_turn", None),
            Kind::Crowded(_) => ("crowded", None),
            Kind::LimitedForLonger => ("limited_for_longer", None),
            Kind::QuotaSpent => ("quota_spent", None),
            Kind::UserUnknown => ("user_unknown", None),
            Kind::Credentials => misconfigured(told!(
                "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET are not a valid pair: copy both from Developer Console > the app > Credentials and Basic Information, and check that DINGTALK_APP_KIND is the app's",
                "DINGTALK_CLIENT_ID 与 DINGTALK_CLIENT_SECRET 不匹配：请从开发者后台 > 应用 > 凭证与基础信息 重新复制两者，并检查 DINGTALK_APP_KIND 是否与应用一致")),
            Kind::Clock => misconfigured(told!(
                "this machine's clock differs from DingTalk's by more than a minute: set it, such as by: timedatectl set-ntp true",
                "本机时钟与钉钉相差超过一分钟：请校准，例如：timedatectl set-ntp true")),
            Kind::Permission(Some(scopes)) => misconfigured(told!(
                "the app lacks the permission {scopes}: apply for it in Developer Console > the app > Permission Management",
                "应用缺少权限 {scopes}：请在开发者后台 > 应用 > 权限管理 中申请")),
            Kind::Permission(None) => misconfigured(told!(
                "the app lacks a permission that DingTalk did not name: the call's documentation does, and Developer Console > the app > Permission Management grants it",
                "应用缺少一项钉钉未指明的权限：接口文档中有说明，请在开发者后台 > 应用 > 权限管理 中申请")),
            Kind::IpNotAllowed(Some(ip)) => misconfigured(told!(
                "calls from {ip} are not allowed: add the address in Developer Console > the app > Security Settings > Server Egress IP",
                "不允许从 {ip} 调用：请在开发者后台 > 应用 > 安全设置 > 服务器出口IP 中添加该地址")),
            Kind::IpNotAllowed(None) => misconfigured(told!(
                "calls from this server's address are not allowed: add the address in Developer Console > the app > Security Settings > Server Egress IP",
                "不允许从本服务器的地址调用：请在开发者后台 > 应用 > 安全设置 > 服务器出口IP 中添加该地址")),
            Kind::UserNotVisible => misconfigured(told!(
                "the user is outside the app's scope: extend it in Developer Console > the app > Version Management and Release > Visible Range",
                "该用户不在应用的可见范围内：请在开发者后台 > 应用 > 版本管理与发布 > 可见范围 中扩大")),
            Kind::AppStopped => ("app_stopped", Some(told!(
                "the app is stopped in this organisation: its administrator enables it in Admin Console > Workbench > App Management",
                "应用在该组织中已停用：请组织管理员在管理后台 > 工作台 > 应用管理 中启用"))),
            Kind::NotAuthorised => ("not_authorised", Some(told!(
                "this organisation has not authorised the app: its administrator does, by installing it. Of an app with DINGTALK_CORP_ID, check that it and DINGTALK_APP_KIND are the app's",
                "该组织尚未授权此应用：请组织管理员安装应用。若应用设置了 DINGTALK_CORP_ID，请检查它与 DINGTALK_APP_KIND 是否属于该应用"))),
            Kind::SuiteTicket => misconfigured(told!(
                "the suite ticket is missing or old: Developer Console > the app > Event Subscriptions > push again, and check DINGTALK_EVENTS (a custom app needs none: check DINGTALK_APP_KIND)",
                "suite ticket 缺失或已过期：请在开发者后台 > 应用 > 事件订阅 中重新推送，并检查 DINGTALK_EVENTS（定制应用无需 suite ticket：请检查 DINGTALK_APP_KIND）")),
            Kind::NoSuchCall => misconfigured(told!(
                "there is no such call at this address: check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL, which end before /v1.0 and /topapi), and the path of a call of your own",
                "该地址没有此接口：请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL，它们不含 /v1.0 与 /topapi），以及自行编写的接口路径")),
            Kind::NotSent(NoConnection::NameNotFound) => not_sent(told!(
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and this machine's name resolution",
                "请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL）以及本机的域名解析")),
            Kind::NotSent(NoConnection::Refused) => not_sent(told!(
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and whether a firewall turns calls away",
                "请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL）以及防火墙是否拦截")),
            Kind::NotSent(NoConnection::TimedOut) => not_sent(told!(
                "check that a firewall lets this server connect to DingTalk's hosts, port 443",
                "请检查防火墙是否允许本服务器连接钉钉的主机（端口 443）")),
            Kind::NotSent(NoConnection::Tls) => not_sent(told!(
                "check that nothing on the way to DingTalk intercepts TLS, this machine's clock and its CA certificates",
                "请检查到钉钉的链路上是否有 TLS 拦截，以及本机的时钟与 CA 证书")),
            Kind::NotSent(NoConnection::Proxy) => not_sent(told!(
                "check DINGTALK_PROXY, its user name and password included, and that the proxy lets this server connect to DingTalk's hosts, port 443",
                "请检查 DINGTALK_PROXY（包括其中的用户名和密码），以及代理是否允许本服务器连接钉钉的主机（端口 443）")),
            Kind::NotSent(NoConnection::ProxyLogin) => misconfigured(told!(
                "the proxy refuses the user name and password of DINGTALK_PROXY: set those that its administrator gave out",
                "代理拒绝了 DINGTALK_PROXY 中的用户名和密码：请使用代理管理员提供的账号")),
            Kind::NotSent(NoConnection::Other) => not_sent(told!(
                "check this machine's network: its routes, and whether a firewall lets this server connect to DingTalk's hosts, port 443",
                "请检查本机的网络：路由，以及防火墙是否允许本服务器连接钉钉的主机（端口 443）")),
            Kind::AnswerLost => ("answer_lost", None),
            Kind::Unintelligible(_) => ("unintelligible", None),
            Kind::Malformed => ("malformed", None),
            Kind::Banned(_) => ("banned", None),
            Kind::NotAsked(_) => ("not_asked", None),
            Kind::Interrupted => ("interrupted", None),
            Kind::Unexpected => ("unexpected", None),
        }
    }

    /// An administrator must act: [`Error::fix`] says how.
    pub fn misconfigured(&self) -> bool {
        self.name() == "misconfigured"
    }

    /// The authCode went out and nobody can tell whether it was used up. It must not be sent again.
    pub fn code_fate_unknown(&self) -> bool {
        self.call == Call::USER_BY_CODE && matches!(self.kind, Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Interrupted)
    }

    /// DingTalk was not asked at all, for a reason that was logged when it arose.
    pub fn not_asked(&self) -> bool {
        matches!(self.kind, Kind::NotAsked(_))
    }

    /// How long nobody need ask again after a failure, if `usually` that long.
    pub(super) fn rest(&self, usually: Duration) -> Duration {
        /// Nobody authorises an app twice a minute, and anybody may ask for an organisation that has not.
        const OF_STRANGERS: Duration = Duration::from_secs(60);
        match self.kind {
            Kind::NotAuthorised => OF_STRANGERS,
            // No call was made, or another would be made with the next ticket.
            Kind::SuiteTicket => usually.min(Duration::from_secs(1)),
            // DingTalk asks for more than a moment.
            Kind::LimitedForLonger => usually.max(self.retry_after()),
            _ => usually,
        }
    }

    /// When it may be worth asking again.
    pub fn retry_after(&self) -> Duration {
        match self.kind {
            Kind::Banned(wait) | Kind::NotAsked(wait) | Kind::NoTurn(wait) | Kind::Crowded(wait) => wait,
            Kind::RateLimited => Duration::from_secs(1),
            Kind::LimitedForLonger => Duration::from_secs(60),
            Kind::QuotaSpent => Duration::from_secs(24 * 60 * 60),
            _ => Duration::from_secs(5),
        }
    }
}
