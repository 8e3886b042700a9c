//! What starts and yet deserves a second look.

use super::Settings;
use super::values::begins_as_client_id;
use crate::dingtalk::{AppKind, Told, told};
use crate::state::Location;

impl Settings {
    /// In no particular order.
    #[rustfmt::skip] // A doubt a paragraph.
    pub fn doubts(&self) -> Vec<Told> {
        let (dingtalk, mut doubts) = (&self.dingtalk, Vec::new());
        if !self.web.public_url.is_https() {
            doubts.push(told!("PUBLIC_URL is plain http: cookies go without Secure and the __Host- prefix",
                "PUBLIC_URL 是明文 http：Cookie 没有 Secure 与 __Host- 前缀"));
        }
        for name in &self.exposed_secrets {
            doubts.push(told!("every user of this machine can read the file of {name}: chmod o-r",
                "本机所有用户都能读取 {name} 的文件：请执行 chmod o-r"));
        }
        for name in &self.unknown {
            doubts.push(told!("nothing reads {name}: it may be misspelt, see `dingtalk-h5 serve --help`",
                "没有名为 {name} 的设置，可能拼写有误：见 `dingtalk-h5 serve --help`"));
        }
        if !begins_as_client_id(dingtalk.credentials.client_id.as_str()) {
            doubts.push(told!("DINGTALK_CLIENT_ID does not begin as Client IDs usually do",
                "DINGTALK_CLIENT_ID 的开头与通常的 Client ID 不同"));
        }
        if dingtalk.kind.home().is_some_and(|home| !home.corp_id.as_str().starts_with("ding")) {
            doubts.push(told!("DINGTALK_CORP_ID does not begin with ding, as CorpIds usually do",
                "DINGTALK_CORP_ID 不是以 ding 开头，与通常的 CorpId 不同"));
        }
        if dingtalk.kind == AppKind::ThirdParty && matches!(self.state, Location::Memory) {
            doubts.push(told!("STATE_URL is memory: after a restart nobody can log in until DingTalk pushes a suite ticket (press \"push again\" in the console), and organisations that relieved the app are not known",
                "STATE_URL 为 memory：重启后，在钉钉推送 suite ticket 之前无法登录（可在后台点击“重新推送”），也不知道哪些组织已解除授权"));
        }
        doubts
    }
}
