//! Where the page may find itself: the six containers that DingTalk's library knows.

use serde_json::{Value, json};

/// What the client does natively. The script of every container begins with it.
const CLIENT: &str = include_str!("bridge/client.js");

pub struct Container {
    pub name: &'static str,
    user_agent: &'static str,
    bridge: &'static str,
    window: Window,
}

#[derive(PartialEq, Eq)]
enum Window {
    Phone,
    Pc,
    /// A frame in a host page of the PC client.
    PcFrame,
}

pub const ANDROID: Container = Container {
    name: "android",
    user_agent: "Mozilla/5.0 (Linux; U; Android 14; en-US; 2304FPN6DC) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
                 Chrome/100.0.4896.58 UWS/5.12.5.0 Mobile Safari/537.36 AliApp(DingTalk/7.6.30) com.alibaba.android.rimet/40325456 \
                 Channel/227200 language/en-US abi/64 colorScheme/light",
    bridge: include_str!("bridge/android.js"),
    window: Window::Phone,
};

/// Android with a client whose version has four parts.
pub const OLD_ANDROID: Container = Container {
    user_agent: "Mozilla/5.0 (Linux; U; Android 9; en-US; MI 6) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/69.0.3497.100 \
                 UWS/3.22.1.95 Mobile Safari/537.36 AliApp(DingTalk/6.0.0.5) com.alibaba.android.rimet/15405456 Channel/227200 \
                 language/en-US abi/64",
    ..ANDROID
};

pub const IOS: Container = Container {
    name: "ios",
    user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F90 \
                 AliApp(DingTalk/7.6.30) com.laiwang.DingTalk/33435556 Channel/201200 language/en-US WK",
    bridge: include_str!("bridge/ios.js"),
    window: Window::Phone,
};

pub const HARMONY: Container = Container {
    name: "harmony",
    user_agent: "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 \
                 ArkWeb/4.1.6.1 Mobile AliApp(DingTalk/7.6.30) language/en-US",
    bridge: include_str!("bridge/harmony.js"),
    window: Window::Phone,
};

pub const MINI_PROGRAM: Container = Container {
    name: "mini program",
    user_agent: "Mozilla/5.0 (Linux; U; Android 14; en-US; 2304FPN6DC) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
                 Chrome/100.0.4896.58 UWS/5.12.5.0 Mobile Safari/537.36 Nebula AlipayDefined(nt:WIFI) AliApp(DingTalk/7.6.30) \
                 dd-web language/en-US",
    bridge: include_str!("bridge/mini_program.js"),
    window: Window::Phone,
};

pub const PC_WINDOW: Container = Container {
    name: "pc window",
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.6943.142 Safari/537.36 \
                 dingtalk-win/1.0.0 nw(0.14.7) DingTalk(8.1.5-Release.251107001) Mojo/1.0.0 Native AppType(release) Channel/201200 \
                 Architecture/x86_64 webDt/PC language/en-US",
    bridge: include_str!("bridge/pc_window.js"),
    window: Window::Pc,
};

pub const PC_FRAME: Container = Container {
    name: "pc frame",
    user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 \
                 Safari/537.36 DingTalk(6.5.30-macOS-macOS-MAS) nw Channel/201200 language/en-US",
    bridge: include_str!("bridge/pc_frame.js"),
    window: Window::PcFrame,
};

/// A browser that is not in DingTalk at all.
pub const OUTSIDE: Container = Container {
    name: "outside",
    user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36",
    bridge: "",
    window: Window::Pc,
};

impl Container {
    /// Chromium's switch that makes it this container's browser.
    pub fn user_agent_switch(&self) -> String {
        format!("--user-agent={}", self.user_agent)
    }

    pub fn frames_the_page(&self) -> bool {
        self.window == Window::PcFrame
    }

    /// The script that turns a plain document into this container. `desk` is the origin through which the client reaches DingTalk.
    pub fn script(&self, desk: &str, ready: Ready, wishes: &Value) -> String {
        let window = if self.window == Window::Phone { "phone" } else { "pc" };
        let setup = json!({"desk": desk, "window": window, "ready": ready.name(), "wishes": wishes});
        format!("(() => {{ const SETUP = {setup};\n{CLIENT}\n{} }})();", self.bridge)
    }
}

/// When the bridge can be used.
#[derive(Clone, Copy)]
pub enum Ready {
    AtOnce,
    /// After the page and its library were loaded.
    Late,
    Never,
    /// It fails before the library is loaded.
    FailedEarly,
    /// It fails after that.
    Failed,
}

impl Ready {
    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::Late => "late",
            Self::Never => "never",
            Self::FailedEarly => "failed early",
            Self::Failed => "failed",
        }
    }
}
