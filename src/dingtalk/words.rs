//! What people who run the app are told: of a call that failed, in both languages, and of a signature that a client refused.

use super::error::{Error, Kind, NoConnection};
use super::{AgentId, Call, CorpId};

/// A sentence for people who run the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// English, as it is logged.
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

impl Error {
    #[rustfmt::skip] // A row a kind.
    pub(super) fn name_and_advice(&self) -> (&'static str, Option<Told>) {
        let misconfigured = |told| ("misconfigured", Some(told));
        let not_sent = |told| ("not_sent", Some(told));
        match &self.kind {
            Kind::TokenRejected => ("token_rejected", None),
            Kind::CodeRejected => ("code_rejected", Some(told!(
                "only a fresh code of this app and organisation counts, for five minutes and once; where every one is refused, DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET are another app's than the one that was opened",
                "只接受此应用与组织的新免登授权码：五分钟内有效且只能使用一次；若每个授权码都被拒绝，则 DINGTALK_CLIENT_ID 与 DINGTALK_CLIENT_SECRET 属于另一个应用，而不是所打开的应用"))),
            Kind::Busy => ("busy", None),
            Kind::RateLimited => ("rate_limited", None),
            Kind::NoTurn(_) => ("no_turn", None),
            Kind::Crowded(_) => ("crowded", None),
            Kind::LimitedForLonger => ("limited_for_longer", None),
            Kind::QuotaSpent => ("quota_spent", None),
            Kind::UserUnknown => ("user_unknown", None),
            Kind::Credentials => misconfigured(told!(
                "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET are not a valid pair: copy both from Developer Console > the app > Credentials and Basic Information, and check that DINGTALK_SITE and DINGTALK_APP_KIND are the app's",
                "DINGTALK_CLIENT_ID 与 DINGTALK_CLIENT_SECRET 不匹配：请从开发者后台 > 应用 > 凭证与基础信息 重新复制两者，并检查 DINGTALK_SITE 与 DINGTALK_APP_KIND 是否与应用一致")),
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
                "the user is outside the app's scope: extend it in Developer Console > the app > Version Management and Release (who may use it) and Permission Management (contacts scope); of a third-party app the organisation's administrator does, in Admin Console > Workbench > App Management",
                "该用户不在应用的授权范围内：请在开发者后台 > 应用 > 版本管理与发布（可使用范围）与 权限管理（通讯录权限的授权范围）中扩大；第三方企业应用请由组织管理员在管理后台 > 工作台 > 应用管理 中扩大")),
            Kind::AppStopped => ("app_stopped", Some(told!(
                "the app is stopped in this organisation: its administrator enables it in Admin Console > Workbench > App Management",
                "应用在该组织中已停用：请组织管理员在管理后台 > 工作台 > 应用管理 中启用"))),
            Kind::NotAuthorised => ("not_authorised", Some(told!(
                "this organisation has not authorised the app: its administrator does, by installing it. Where DINGTALK_CORP_ID is set, check that it is that organisation's, and that DINGTALK_APP_KIND is the app's",
                "该组织尚未授权此应用：请组织管理员安装应用。若设置了 DINGTALK_CORP_ID，请检查它是否为该组织的 CorpId，以及 DINGTALK_APP_KIND 是否与应用一致"))),
            Kind::SuiteTicket => misconfigured(told!(
                "the suite ticket is missing or old: Developer Console > the app > Event Subscriptions > push again, and check DINGTALK_EVENTS, and that no other server takes this app's events (a custom app needs no ticket: check DINGTALK_APP_KIND)",
                "suiteTicket 缺失或已过期：请在开发者后台 > 应用 > 事件订阅 中重新推送，并检查 DINGTALK_EVENTS，以及没有其他服务器接收此应用的事件（定制应用无需 suiteTicket：请检查 DINGTALK_APP_KIND）")),
            Kind::NoSuchCall => misconfigured(told!(
                "there is no such call at this address: check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL, which end before /v1.0 and /topapi), and the path of a call of your own",
                "该地址没有此接口：请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL，它们不含 /v1.0 与 /topapi），以及自行编写的接口路径")),
            Kind::NotSent(NoConnection::NameNotFound | NoConnection::Refused | NoConnection::TimedOut | NoConnection::Other)
                if self.call == Call::STREAM_HOST =>
            {
                let host = self.host();
                not_sent(told!(
                    "DingTalk names {host} for Stream: check that this machine resolves that name, and that a firewall lets this server connect to it",
                    "钉钉为 Stream 指定的主机是 {host}：请检查本机能否解析该域名，以及防火墙是否允许本服务器连接"))
            }
            Kind::NotSent(NoConnection::NameNotFound) => not_sent(told!(
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and this machine's name resolution",
                "请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL）以及本机的域名解析")),
            Kind::NotSent(NoConnection::Refused) => not_sent(told!(
                "check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL) and whether a firewall turns calls away",
                "请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL）以及防火墙是否拦截")),
            Kind::NotSent(NoConnection::TimedOut) => not_sent(told!(
                "check that a firewall lets this server connect to DingTalk's hosts, port 443, and that this machine's name servers answer",
                "请检查防火墙是否允许本服务器连接钉钉的主机（端口 443），以及本机的域名服务器是否应答")),
            Kind::NotSent(NoConnection::Tls) => not_sent(told!(
                "check that nothing on the way to DingTalk intercepts TLS, this machine's clock and its CA certificates (SSL_CERT_FILE, where set, takes their place)",
                "请检查到钉钉的链路上是否有 TLS 拦截，以及本机的时钟与 CA 证书（设置 SSL_CERT_FILE 后仅信任其中的证书）")),
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
}

/// One thing that is not as the client wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is called.
    pub name: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

#[rustfmt::skip] // A line a part.
#[allow(missing_docs, reason = "the advice says what each is")]
impl Part {
    pub const SCHEME: Self = Self { name: "scheme", advice: "the client opens the page with another scheme: PUBLIC_URL must begin as the app's homepage does" };
    pub const HOST: Self = Self { name: "host", advice: "the client opens the page at another host: PUBLIC_URL must be the origin of the app's homepage" };
    pub const PORT: Self = Self { name: "port", advice: "the client opens the page at another port: PUBLIC_URL must be the origin of the app's homepage" };
    pub const SPELLING: Self = Self { name: "spelling", advice: "the client writes the same address in another way: the app's homepage must begin with PUBLIC_URL and a slash, in small letters, and without :443" };
    pub const PATH: Self = Self { name: "path", advice: "the path was changed between the client and this server: the proxy must pass it on unchanged" };
    pub const QUERY: Self = Self { name: "query", advice: "the query was changed between the client and this server, or by a script before dd.config" };
    pub const DECODING: Self = Self { name: "decoding", advice: "the client checks the query in its other, decoded or encoded, form: keep odd characters out of the page's address" };
    pub const DIGEST: Self = Self { name: "digest", advice: "the client computes the other digest: change JSAPI_DIGEST" };
    pub const TICKET_AGE: Self = Self { name: "ticket age", advice: "the client does not know the jsapi_ticket: it is fetched anew, load the page again; if that does not help, the agentId or the corpId is another app's: DINGTALK_AGENT_ID, DINGTALK_CORP_ID, or, of a third-party app, what the organisation's authorisation tells" };
    pub const AGENT: Self = Self { name: "agent", advice: "the agentId is not this app's: DINGTALK_AGENT_ID (Developer Console > the app > Credentials and Basic Information), or, of a third-party app, what the organisation's authorisation tells" };
    pub const CORP: Self = Self { name: "corp", advice: "the corpId is not the organisation that the page was opened in: DINGTALK_CORP_ID (Developer Console > Home), or, of a third-party app, the $CORPID$ in its homepage's address" };
    pub const TIME_STAMP: Self = Self { name: "time stamp", advice: "the page passed another timeStamp to dd.config than the one signed for it: pass it on unchanged, as text" };
    pub const NONCE: Self = Self { name: "nonce", advice: "the page passed other values to dd.config than the ones signed for it: pass them on unchanged" };
}

/// For a refusal that its text does not explain: what the client said, and the possible causes, the likeliest first. The page's address
/// is one of them if `unshown_origin` is set: the origin of a page whose signed address the client did not show.
pub(super) fn possible(
    platform_code: Option<&str>,
    own_code: &str,
    unshown_origin: Option<&str>,
    agent_id: &AgentId,
    corp_id: &CorpId,
) -> String {
    let (said, not_permitted) = match (platform_code, own_code) {
        (Some("52013"), _) => ("that the signature is not right, and not all that it was held against", false),
        (Some("52012"), _) => ("that it could not compute the signature", false),
        (Some("52014"), _) => ("that the address is invalid", false),
        (Some("52015"), _) | (None, "9") => ("that the nonceStr is invalid", false),
        (Some("52016"), _) => ("that a value to be signed is invalid", false),
        (Some("52017"), _) => ("that the jsApiList is invalid: each name must be one of a JSAPI", false),
        (Some("52018"), _) => ("that the timeStamp is invalid", false),
        (Some("52020" | "52023"), _) => ("that it knows no such service window: this is a micro-app, whose type is 0", false),
        (Some("52022"), _) => ("that the type is invalid: 0 is a micro-app's", false),
        (Some("52024"), _) => ("that a JSAPI's tag is invalid", false),
        (Some("52025" | "52026"), _) => ("that this is no secure micro-app, or not at this address", false),
        (None, "7") => ("that the call is not permitted", true),
        (Some(_), _) => ("no more than its code", false),
        (None, _) => ("no more than that it refuses", false),
    };
    let permitted = "the app is not published, or the call not permitted".to_owned();
    let address = unshown_origin.map(|origin| {
        format!("the client has another address for the page than {origin} (PUBLIC_URL, a proxy, a script before dd.config)")
    });
    let others = [
        "the page did not pass all values to dd.config as they were signed".to_owned(),
        "the client no longer knows the jsapi_ticket (load the page again)".to_owned(),
        "it computes the other digest (JSAPI_DIGEST)".to_owned(),
        format!(
            "agent {agent_id} or corp {corp_id} is another app's (DINGTALK_AGENT_ID, DINGTALK_CORP_ID; of a third-party app, the \
             organisation's authorisation)"
        ),
    ];
    let mut possible: Vec<_> = address.into_iter().chain(others).chain([permitted]).collect();
    if not_permitted {
        possible.rotate_right(1);
    }
    format!("the client said {said}; still possible, the likeliest first: {}", possible.join("; or "))
}
