//! The macro that all texts are written with, and the texts of the plumbing. Each sentence stands in one place, in both languages: English,
//! Chinese. One that lacks a language does not compile.

use std::borrow::Borrow;
use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};
use serde::Serialize;

use super::Language;
use crate::web::problem::INTERNAL;

/// One sentence: English, Chinese.
#[derive(Debug, Clone, Copy)]
pub struct Both<T = &'static str>(pub T, pub T);

/// What people read when something went wrong.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Message {
    /// What happened.
    pub happened: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// JSON that is already escaped for HTML: templates put it between quotes as it is.
#[derive(Debug)]
pub struct Attribute(String);

impl<T> Both<T> {
    /// The sentence in `language`, which may be a reference: templates pass everything by reference.
    pub fn in_language(self, language: impl Borrow<Language>) -> T {
        match language.borrow() {
            Language::English => self.0,
            Language::Chinese => self.1,
        }
    }
}

impl Attribute {
    /// `words` as JSON, for an attribute that a script reads from its own tag.
    pub fn of_json(words: &impl Serialize) -> Self {
        // Only a map whose keys are not strings, or a hand-written Serialize, can fail; words are neither. Escaping cannot fail at all.
        let json = serde_json::to_string(words).unwrap_or_default();
        Self(escape(json, Html).map(|escaped| escaped.to_string()).unwrap_or_default())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Attribute {}

/// Makes a struct of each block, with a field for each sentence: `Name::of(language)` for a template, and `Name::json(language)` for
/// the `data-words` of a script. A [`Message`] is written `what happened => what to do next`.
macro_rules! words {
    (@kind) => { &'static str };
    (@kind $next:expr) => { $crate::web::page::words::Message };
    (@said $said:expr) => { $said };
    (@said $happened:expr, $next:expr) => { $crate::web::page::words::Message { happened: $happened, next: $next } };
    ($(
        $(#[$about:meta])*
        $name:ident {$(
            $(#[$note:meta])*
            $field:ident: $english:expr, $chinese:expr $(=> $english_next:expr, $chinese_next:expr)?;
        )+}
    )+) => {$(
        $(#[$about])*
        #[derive(Debug, serde::Serialize)]
        #[allow(missing_docs, reason = "a sentence says itself what it is for")]
        pub struct $name {
            $($(#[$note])* pub $field: $crate::web::page::words::words!(@kind $($english_next)?),)+
        }

        impl $name {
            /// The texts in `language`.
            pub fn of(language: $crate::web::Language) -> &'static Self {
                static ENGLISH: $name = $name { $($field: $crate::web::page::words::words!(@said $english $(, $english_next)?),)+ };
                static CHINESE: $name = $name { $($field: $crate::web::page::words::words!(@said $chinese $(, $chinese_next)?),)+ };
                match language {
                    $crate::web::Language::English => &ENGLISH,
                    $crate::web::Language::Chinese => &CHINESE,
                }
            }

            /// The texts in `language` as JSON, which a template passes to a script. They never change, so the JSON is written once and
            /// not for every page.
            #[allow(dead_code, reason = "templates of their own need none")]
            pub fn json(language: &$crate::web::Language) -> &'static $crate::web::page::words::Attribute {
                static WRITTEN: [std::sync::OnceLock<$crate::web::page::words::Attribute>; 2] = [const { std::sync::OnceLock::new() }; 2];
                WRITTEN[*language as usize].get_or_init(|| $crate::web::page::words::Attribute::of_json(Self::of(*language)))
            }
        }
    )+};
}
pub(crate) use words;

words! {
    /// `templates/entry.html`
    Entry {
        title: "Signing in", "正在登录";
        no_javascript:
            "JavaScript is switched off", "JavaScript 已被禁用"
            => "Signing in through DingTalk needs it. Allow JavaScript for this page, then load it again.",
               "通过钉钉登录需要 JavaScript，请为本页面启用后重新加载。";
        signing_in: "Signing you in…", "正在登录…";
        slow: "This takes longer than usual.", "登录用时较长，您可以";
        load_again: "Load the page again", "重新加载页面";
        open_in_dingtalk:
            "Open this in DingTalk", "请在钉钉中打开"
            => "This app signs you in through DingTalk and works inside DingTalk only.", "本应用仅支持在钉钉客户端内使用。";
        open: "Open in DingTalk", "在钉钉中打开";
        or_by_hand: "or open it by hand", "或手动打开";
        by_hand_first: "Open DingTalk on your phone or computer.", "在手机或电脑上打开钉钉。";
        by_hand_then:
            "Go to Workbench and choose this app, or send yourself this address and open it from the chat:",
            "进入“工作台”选择本应用；也可以将下面的地址发送给自己，在聊天中点击打开：";
        address: "Address of this page", "本页面地址";
        copy: "Copy", "复制";
        try_again: "Try again", "重试";
    }

    /// `templates/layout.html`
    Layout {
        nav: "Pages", "页面";
    }

    /// `templates/error.html`
    Error {
        home: "Go to the home page", "返回首页";
        reference: "Reference: ", "请求编号：";
    }

    /// `static/app/messages.js`
    Messages {
        timeout:
            "DingTalk did not answer.", "钉钉没有响应"
            => "Try again. If it keeps happening, close this page and open it again from DingTalk.",
               "请重试。如果问题仍然存在，请关闭页面，从钉钉重新打开。";
        refused:
            "DingTalk refused the request.", "钉钉拒绝了请求"
            => "Try again. If it keeps happening, show your administrator what DingTalk said.",
               "请重试。如果问题仍然存在，请将钉钉返回的信息提供给管理员。";
        cancelled:
            "It was cancelled.", "操作已取消"
            => "Try again when you are ready.", "您可以随时重试。";
        outside:
            "This page is not open in DingTalk.", "当前页面不在钉钉中"
            => "Open it in DingTalk.", "请在钉钉中打开。";
        no_library:
            "The part of this page that talks to DingTalk could not be loaded.", "钉钉组件加载失败"
            => "Check your network connection, then try again.", "请检查网络连接后重试。";
        network:
            "The server cannot be reached.", "无法连接服务器"
            => "Check your network connection, then try again.", "请检查网络连接后重试。";
        /// For a response that does not say what went wrong, such as a proxy's.
        problem: INTERNAL.happened.0, INTERNAL.happened.1 => INTERNAL.next.0, INTERNAL.next.1;
        user_changed:
            "Somebody else is signed in to DingTalk now.", "钉钉已切换为其他账号"
            => "The page is being loaded again.", "正在重新加载页面。";
        session_lost:
            "You were signed in, but your session does not come back.", "登录成功，但登录状态未能保持"
            => "This browser seems to block cookies for this page. Allow them, or open the app in its own window, then try again.",
               "浏览器可能拦截了本页面的 Cookie。请允许 Cookie，或在独立窗口中打开本应用，然后重试。";
        wrong_address:
            "This app is served at another address.", "本应用的访问地址不正确"
            => "Open it there to sign in.", "请通过以下地址打开并登录。";
        queue_too_long:
            "Signing in takes too long today.", "登录排队时间过长"
            => "Many people are signing in at once. Try again in a few minutes.", "当前登录人数过多，请几分钟后重试。";
        no_auth_code:
            "DingTalk answered without a sign-in code.", "钉钉未返回免登授权码"
            => "Update DingTalk, then try again.", "请升级钉钉后重试。";
        no_such_api:
            "This DingTalk does not know that function.", "当前钉钉不支持此接口"
            => "Update DingTalk, or try it on another device.", "请升级钉钉，或换一台设备重试。";
        queued_seconds:
            "Many people are signing in right now. Your turn comes in about {} seconds.", "当前登录人数较多，大约还需等待 {} 秒。";
        queued_minutes:
            "Many people are signing in right now. Your turn comes in about {} minutes.", "当前登录人数较多，大约还需等待 {} 分钟。";
        dingtalk_said: "DingTalk said: ", "钉钉返回：";
        request_id: "Reference: ", "请求编号：";
        copied: "Copied", "已复制";
        copy_by_hand: "Selected – now copy it", "已选中，请手动复制";
    }

    /// `templates/signed_out.html`
    SignedOut {
        title: "Signed out", "已退出登录";
        heading: "You have signed out", "您已退出登录";
        text: "Your session with this app has ended. DingTalk itself stays signed in.", "您已退出本应用，钉钉账号不受影响。";
        sign_in: "Sign in again", "重新登录";
    }

    /// `templates/clinic.html`
    Clinic {
        title: "Signature clinic", "签名诊断";
        about:
            "DingTalk's own sources disagree on how a page is signed. This tries each way in turn, one page after the other, in the client you are in, and tells which ones it accepts.",
            "钉钉官方资料对页面签名方式的说法不一。这里会在当前客户端里逐页尝试每种方式，并列出客户端接受哪些。";
        start: "Start", "开始";
        under_way: "Trying", "正在尝试";
        report: "Report", "诊断结果";
        copy: "Copy", "复制";
    }

    /// `static/app/clinic.js`
    ClinicScript {
        done: "That is all of them.", "已全部尝试完毕。";
        no_storage:
            "This client keeps nothing from one page to the next, so the results cannot be collected.",
            "当前客户端无法在页面之间保存数据，因此无法汇总结果。";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_json_that_cannot_leave_its_attribute() {
        let attribute = Attribute::of_json(&["a \"quote\"", "<b> & 'c'", "张三"]).to_string();
        assert!(!attribute.contains(['"', '<', '>', '\'']), "{attribute}");
        let read = attribute.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">");
        let read = read.replace("&#39;", "'").replace("&#38;", "&");
        assert_eq!(read, r#"["a \"quote\"","<b> & 'c'","张三"]"#);
    }
}
