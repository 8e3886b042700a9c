//! Simplified Chinese, in DingTalk's own terms.

use super::{Clinic, ClinicScript, Entry, Home, Jsapi, JsapiScript, Nav, Profile, Samples, SignedOut, Words};
use crate::app::NAME;
use crate::web::ForScript;
use crate::web::words::{self as plumbing, Message};

pub static WORDS: Words = Words {
    plumbing: plumbing::Words {
        app_name: NAME,
        entry: ENTRY,
        error_page: plumbing::ErrorPage {
            home: "返回首页",
            reference: "请求编号：",
        },
        problems: PROBLEMS,
        scripts: ForScript::new(SCRIPTS),
    },
    nav: Nav {
        label: "页面",
        home: "首页",
        profile: "我的资料",
        jsapi: "JSAPI",
    },
    home: Home {
        title: "首页",
        signed_in: "已通过钉钉登录",
        tiles: "功能列表",
        profile: Entry {
            name: "我的资料",
            about: "查看钉钉提供给本应用的个人信息",
        },
        jsapi: Entry {
            name: "JSAPI 体验",
            about: "在页面中调用钉钉客户端能力",
        },
        session: "登录信息",
        log_out: "退出登录",
    },
    profile: Profile {
        title: "我的资料",
        owner: "企业负责人",
        administrator: "管理员",
        departments: "部门",
        roles: "角色",
        job_number: "工号",
        work_place: "办公地点",
        mobile: "手机号",
        email: "邮箱",
        details_need: "查看完整资料需要开通权限：",
    },
    jsapi: JSAPI,
    jsapi_script: ForScript::new(JSAPI_SCRIPT),
    clinic: CLINIC,
    clinic_script: ForScript::new(CLINIC_SCRIPT),
    signed_out: SignedOut {
        title: "已退出登录",
        heading: "您已退出登录",
        text: "您已退出本应用，钉钉账号不受影响。",
        sign_in: "重新登录",
    },
};

const ENTRY: plumbing::Entry = plumbing::Entry {
    title: "正在登录",
    no_javascript: Message {
        happened: "JavaScript 已被禁用",
        next: "通过钉钉登录需要 JavaScript，请为本页面启用后重新加载。",
    },
    signing_in: "正在登录…",
    slow: "登录用时较长，您可以",
    load_again: "重新加载页面",
    open_in_dingtalk: Message {
        happened: "请在钉钉中打开",
        next: "本应用仅支持在钉钉客户端内使用。",
    },
    open: "在钉钉中打开",
    or_by_hand: "或手动打开",
    by_hand_first: "在手机或电脑上打开钉钉。",
    by_hand_then: "进入“工作台”选择本应用；也可以将下面的地址发送给自己，在聊天中点击打开：",
    address: "本页面地址",
    copy: "复制",
    try_again: "重试",
};

const PROBLEMS: plumbing::Problems = plumbing::Problems {
    code_rejected: Message {
        happened: "钉钉未通过免登授权码校验",
        next: "请重试。如果问题仍然存在，请关闭页面，从钉钉重新打开。",
    },
    login_required: Message {
        happened: "您还没有登录",
        next: "请重新打开应用进行登录。",
    },
    state_rejected: Message {
        happened: "本次登录已失效",
        next: "请重试。如果问题仍然存在，可能是浏览器拦截了 Cookie：请允许 Cookie，或在独立窗口中打开本应用。",
    },
    origin_rejected: Message {
        happened: "请求来自不受信任的地址",
        next: "请关闭页面，从钉钉重新打开本应用。",
    },
    organisation_rejected: Message {
        happened: "此应用不属于当前组织",
        next: "请在钉钉中切换到应用所属的组织，再从工作台打开。",
    },
    organisation_unknown: Message {
        happened: "钉钉没有告知当前所在的组织",
        next: "请从钉钉工作台打开此应用。",
    },
    not_found: Message {
        happened: "页面不存在",
        next: "请检查地址是否正确。",
    },
    method_not_allowed: Message {
        happened: "不支持此操作",
        next: "请返回首页。",
    },
    code_in_use: Message {
        happened: "另一个窗口正在登录",
        next: "请稍候重试。",
    },
    request_timeout: Message {
        happened: "请求传输超时",
        next: "请检查网络连接后重试。",
    },
    payload_too_large: Message {
        happened: "请求内容过大",
        next: "请求内容不能超过 4096 字节。",
    },
    uri_too_long: Message {
        happened: "网址过长",
        next: "请从钉钉工作台打开应用。",
    },
    head_too_large: Message {
        happened: "浏览器附带的信息过多",
        next: "请清除本站的 Cookie 后重试。",
    },
    unsupported_media_type: Message {
        happened: "请求不是 JSON 格式",
        next: "请以 application/json 格式发送。",
    },
    bad_request: Message {
        happened: "无法识别该请求",
        next: "页面可能已过期，请重新加载。",
    },
    url_rejected: Message {
        happened: "无法为此地址生成钉钉签名",
        next: "请从钉钉重新打开本应用。",
    },
    rate_limited: Message {
        happened: "操作过于频繁",
        next: "请一分钟后重试。",
    },
    retry_with_new_code: Message {
        happened: "钉钉验证身份时中断",
        next: "请稍后重试。",
    },
    dingtalk_unavailable: Message {
        happened: "暂时无法连接钉钉",
        next: "请一分钟后重试。",
    },
    quota_spent: Message {
        happened: "所在组织本月的钉钉接口调用次数已用完",
        next: "请联系管理员升级钉钉版本，或等到下个月。",
    },
    misconfigured: Message {
        happened: "应用配置有误",
        next: "请联系管理员，并提供下方的请求编号。",
    },
    internal: INTERNAL,
};

const INTERNAL: Message = Message {
    happened: "服务出现异常",
    next: "请重试。如果问题仍然存在，请联系管理员。",
};

const SCRIPTS: plumbing::Scripts = plumbing::Scripts {
    failures: plumbing::Failures {
        timeout: Message {
            happened: "钉钉没有响应",
            next: "请重试。如果问题仍然存在，请关闭页面，从钉钉重新打开。",
        },
        refused: Message {
            happened: "钉钉拒绝了请求",
            next: "请重试。如果问题仍然存在，请将钉钉返回的信息提供给管理员。",
        },
        cancelled: Message {
            happened: "操作已取消",
            next: "您可以随时重试。",
        },
        outside: Message {
            happened: "当前页面不在钉钉中",
            next: "请在钉钉中打开。",
        },
        no_library: Message {
            happened: "钉钉组件加载失败",
            next: "请检查网络连接后重试。",
        },
        network: Message {
            happened: "无法连接服务器",
            next: "请检查网络连接后重试。",
        },
        problem: INTERNAL,
    },
    troubles: plumbing::Troubles {
        user_changed: Message {
            happened: "钉钉已切换为其他账号",
            next: "正在重新加载页面。",
        },
        session_lost: Message {
            happened: "登录成功，但登录状态未能保持",
            next: "浏览器可能拦截了本页面的 Cookie。请允许 Cookie，或在独立窗口中打开本应用，然后重试。",
        },
        wrong_address: Message {
            happened: "本应用的访问地址不正确",
            next: "请通过以下地址打开并登录。",
        },
        no_auth_code: Message {
            happened: "钉钉未返回免登授权码",
            next: "请升级钉钉后重试。",
        },
        no_such_api: Message {
            happened: "当前钉钉版本不支持此接口",
            next: "请升级钉钉后重试。",
        },
    },
    dingtalk_said: "钉钉返回：",
    request_id: "请求编号：",
    copied: "已复制",
    copy_by_hand: "已选中，请手动复制",
};

const JSAPI: Jsapi = Jsapi {
    title: "JSAPI 体验",
    configuring: "配置中",
    configuring_text: "钉钉正在校验本页面的签名…",
    load_again: "重新加载页面",
    run: "运行",
    open: Entry {
        name: "免鉴权接口",
        about: "钉钉内的任何页面均可调用。",
    },
    network: Entry {
        name: "网络状态",
        about: "查看设备的联网方式。",
    },
    alert: Entry {
        name: "弹窗提示",
        about: "只有一个按钮的弹窗。",
    },
    toast: Entry {
        name: "轻提示",
        about: "短暂显示后自动消失。",
    },
    confirm: Entry {
        name: "确认弹窗",
        about: "返回所点击按钮的序号。",
    },
    set_title: Entry {
        name: "导航栏标题",
        about: "修改客户端导航栏的标题。",
    },
    vibrate: Entry {
        name: "震动",
        about: "仅支持手机。",
    },
    open_link: Entry {
        name: "打开链接",
        about: "在新窗口中打开其他网站。",
    },
    gated: Entry {
        name: "需鉴权接口",
        about: "页面通过 dd.config 鉴权后才能调用。",
    },
    choose: Entry {
        name: "选择联系人",
        about: "从组织通讯录中选择人员。",
    },
    location: Entry {
        name: "地理位置",
        about: "获取设备当前位置，仅支持手机。",
    },
    documentation: "查看钉钉 JSAPI 官方文档",
};

const JSAPI_SCRIPT: JsapiScript = JsapiScript {
    accepted: "已通过",
    accepted_text: "页面签名校验通过，以下接口均可调用。",
    refused: "未通过",
    refused_text: "需鉴权的接口将调用失败，其他接口不受影响。",
    ok: "成功",
    failed: "失败",
    cancelled: "已取消",
    samples: Samples {
        alert_title: "你好",
        alert: "这个弹窗由页面打开。",
        button: "知道了",
        toast: "已保存",
        confirm_title: "请问",
        confirm: "喜欢这个应用吗？",
        confirm_no: "还没想好",
        confirm_yes: "喜欢",
        title: "新标题",
    },
};

const CLINIC: Clinic = Clinic {
    title: "签名诊断",
    about: "钉钉官方资料对页面签名方式的说法不一。这里会在当前客户端里逐页尝试每种方式，并列出客户端接受哪些。",
    start: "开始",
    under_way: "正在尝试",
    done: "已全部尝试完毕。",
    report: "诊断结果",
    copy: "复制",
};

const CLINIC_SCRIPT: ClinicScript = ClinicScript {
    no_storage: "当前客户端无法在页面之间保存数据，因此无法汇总结果。",
    copied: "已复制。",
    copy_by_hand: "请选中文本后手动复制。",
};
