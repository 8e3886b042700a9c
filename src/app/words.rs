//! Everything that the app's pages and scripts say: English, Chinese. Each block names the file that says it.

use crate::web::words;

words! {
    /// `templates/home.html`
    Home {
        title: "Home", "首页";
        signed_in: "Signed in through DingTalk", "已通过钉钉登录";
        tiles: "What you can do here", "功能列表";
        profile: "Your profile", "我的资料";
        profile_about: "What DingTalk tells this app about you", "查看钉钉提供给本应用的个人信息";
        jsapi: "JSAPI playground", "JSAPI 体验";
        jsapi_about: "Call the DingTalk client from this page", "在页面中调用钉钉客户端能力";
        session: "Your session", "登录信息";
        log_out: "Log out", "退出登录";
    }

    /// `templates/profile.html`
    Profile {
        title: "Profile", "我的资料";
        owner: "Owner", "企业负责人";
        administrator: "Administrator", "管理员";
        departments: "Departments", "部门";
        roles: "Roles", "角色";
        job_number: "Job number", "工号";
        work_place: "Place of work", "办公地点";
        mobile: "Mobile", "手机号";
        email: "Email", "邮箱";
        details_need: "The full details need this permission: ", "查看完整资料需要开通权限：";
        details_missing: "The full details are not available at present.", "暂时无法获取完整资料。";
    }

    /// `templates/jsapi.html`
    Jsapi {
        title: "JSAPI playground", "JSAPI 体验";
        configuring: "Configuring", "配置中";
        configuring_text: "DingTalk is checking the signature of this page…", "钉钉正在校验本页面的签名…";
        load_again: "Load the page again", "重新加载页面";
        run: "Run", "运行";
        open: "Open calls", "免鉴权接口";
        open_about: "Work in every page that runs in DingTalk.", "钉钉内的任何页面均可调用。";
        network: "Network", "网络状态";
        network_about: "How the device is connected.", "查看设备的联网方式。";
        alert: "Alert", "弹窗提示";
        alert_about: "A dialog with one button.", "只有一个按钮的弹窗。";
        toast: "Toast", "轻提示";
        toast_about: "A short note that goes away by itself.", "短暂显示后自动消失。";
        confirm: "Confirm", "确认弹窗";
        confirm_about: "A question; the answer is the button's index.", "返回所点击按钮的序号。";
        set_title: "Title", "导航栏标题";
        set_title_about: "Changes the title bar of the client.", "修改客户端导航栏的标题。";
        vibrate: "Vibrate", "震动";
        vibrate_about: "Phones only.", "仅支持手机。";
        open_link: "Open a link", "打开链接";
        open_link_about: "Opens another site in a window of its own.", "在新窗口中打开其他网站。";
        gated: "Gated calls", "需鉴权接口";
        gated_about: "Need a page that dd.config was accepted for.", "页面通过 dd.config 鉴权后才能调用。";
        choose: "Choose people", "选择联系人";
        choose_about: "The organisation's own picker.", "从组织通讯录中选择人员。";
        location: "Location", "地理位置";
        location_about: "Where the device is. Phones only.", "获取设备当前位置，仅支持手机。";
        documentation: "DingTalk's documentation of all JSAPIs", "查看钉钉 JSAPI 官方文档";
    }

    /// `static/app/jsapi.js`
    JsapiScript {
        accepted: "Accepted", "已通过";
        accepted_text:
            "DingTalk accepted the signature of this page. Every call below is open.",
            "页面签名校验通过，以下接口均可调用。";
        refused: "Refused", "未通过";
        not_asked: "Not asked", "未请求";
        refused_text:
            "Calls that need the signature will fail. The others still work.",
            "需鉴权的接口将调用失败，其他接口不受影响。";
        unanswered: "No answer", "未响应";
        unanswered_text:
            "Calls that need the signature may fail. The others still work.",
            "需鉴权的接口可能会调用失败，其他接口不受影响。";
        ok: "OK", "成功";
        failed: "Failed", "失败";
        cancelled: "Cancelled", "已取消";
        alert_title: "Hello", "你好";
        alert: "This dialog was opened by the page.", "这个弹窗由页面打开。";
        button: "Got it", "知道了";
        toast: "Saved", "已保存";
        confirm_title: "One question", "请问";
        confirm: "Do you like this app?", "喜欢这个应用吗？";
        confirm_no: "Not yet", "还没想好";
        confirm_yes: "Yes", "喜欢";
        set_title: "A new title", "新标题";
    }
}
