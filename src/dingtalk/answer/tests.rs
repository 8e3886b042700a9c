//! Answers as they have been seen in the wild, and worse.

use super::super::{DisplayName, UserId};
use super::*;
use proptest::prelude::*;

#[derive(Deserialize, Debug)]
struct Empty {}

#[derive(Deserialize, Debug)]
struct Result {
    #[expect(dead_code)]
    result: JsonObject<Empty>,
}

fn opened<T: DeserializeOwned>(call: Call, status: u16, body: &[u8]) -> std::result::Result<T, Error> {
    Answer { status, is_json: true, date: None, body: body.to_vec() }.open(call, &[])
}

fn old(status: u16, body: &[u8]) -> std::result::Result<Result, Error> {
    opened(Call::USER_DETAILS, status, body)
}

fn new(status: u16, body: &str) -> std::result::Result<Empty, Error> {
    opened(Call::JSAPI_TICKET, status, body.as_bytes())
}

#[test]
fn code_88_is_unwrapped_through_its_sub_code() {
    let body =
        r#"{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error","request_id":"x"}"#;
    let error = old(200, body.as_bytes()).unwrap_err();
    assert_eq!((&error.kind, error.code()), (&Kind::TokenRejected, Some("40014")));
}

#[test]
fn only_a_proven_success_of_the_old_family_passes() {
    assert!(old(200, br#"{"errcode":0,"result":{}}"#).is_ok());
    for body in [
        "",
        "{}",
        "[]",
        "[0]",
        r#"{"errcode":0,"result":[]}"#,
        "null",
        "<html>ok</html>",
        r#"{"errcode":0}"#,
        r#"{"errcode":0,"result":null}"#,
        r#"{"errcode":"0","result":{}}"#,
        r#"{"errcode":0.0,"result":{}}"#,
        r#"{"errcode":null,"result":{}}"#,
        r#"{"errcode":1,"errcode":0,"result":{}}"#,
        r#"{"result":{}}"#,
        r#"{"status":1111,"wait":5,"source":"x5"}"#,
        r#"{"errcode":0,"result":{}} trailing"#,
        r#"{"errcode":0,"result":{}"#,
    ] {
        assert!(old(200, body.as_bytes()).is_err(), "{body}");
    }
    assert!(old(502, br#"{"errcode":0,"result":{}}"#).is_err());
}

#[test]
fn an_old_style_errcode_on_the_new_host_is_an_error_even_with_200() {
    let body = r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#;
    assert_eq!(new(200, body).unwrap_err().kind, Kind::NoSuchCall);
}

#[test]
fn an_address_where_the_call_is_not_known_is_for_the_administrator_and_no_code_is_lost_for_it() {
    for (status, body) in [
        (404, r#"{"code":"InvalidAction.NotFound","message":"Specified api is not found, please check your url and method."}"#),
        (404, r#"{"Code":"InvalidAction.NotFound","Message":null}"#),
        (400, r#"{"code":"InvalidAction.NotFound"}"#),
        (200, r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#),
        (200, r#"{"errcode":"404"}"#),
        (200, r#"{"errcode":22,"sub_msg":"不合法ApiName","errmsg":"Invalid method","request_id":"x"}"#),
        (200, r#"{"errcode":88,"sub_code":"22","sub_msg":"x"}"#),
        (404, "<html><head><title>404 Not Found</title></head></html>"),
        (404, ""),
        (404, r#"{"timestamp":"x","status":404,"path":"/topapi"}"#),
        (405, "<html><h1>405 Not Allowed</h1></html>"),
        (301, "<html>moved</html>"),
        (308, ""),
        (410, "gone"),
        (404, r#"{"code":"invalidAction.notFound"}"#),
        (200, r#"{"errcode":22.0}"#),
    ] {
        for call in [Call::USER_BY_CODE, Call::ACCESS_TOKEN, Call::JSAPI_TICKET, Call::USER_DETAILS] {
            let error = opened::<Empty>(call, status, body.as_bytes()).unwrap_err();
            assert_eq!(error.kind, Kind::NoSuchCall, "{body}");
            assert!(error.misconfigured() && !error.code_fate_unknown());
            assert!(error.fix().unwrap().contains("DINGTALK_SITE"));
        }
    }
}

#[test]
fn the_new_family_is_read_in_either_case() {
    for body in [r#"{"code":"InvalidAuthentication","message":"m"}"#, r#"{"Code":"InvalidAuthentication","Message":"m"}"#] {
        assert_eq!(new(400, body).unwrap_err().kind, Kind::TokenRejected);
    }
    let denied = r#"{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"m","accessdenieddetail":{"requiredScopes":["a.b"]}}"#;
    assert_eq!(new(403, denied).unwrap_err().kind, Kind::Permission(Some("a.b".into())));
}

#[test]
fn where_no_token_was_sent_what_sounds_like_a_bad_one_is_about_the_secret() {
    let auth_failed = r#"{"code":"authFailed","message":"鉴权失败"}"#;
    for call in [Call::STREAM, Call::ACCESS_TOKEN, Call::CORP_ACCESS_TOKEN, Call::AUTH_INFO] {
        for body in [auth_failed, r#"{"errcode":40001,"errmsg":"x"}"#, ""] {
            let error = opened::<Empty>(call, 401, body.as_bytes()).unwrap_err();
            assert_eq!(error.kind, Kind::Credentials, "{call}: {body}");
            assert!(error.fix().unwrap().contains("DINGTALK_CLIENT_SECRET"));
        }
    }
    assert_eq!(opened::<Empty>(Call::JSAPI_TICKET, 401, auth_failed.as_bytes()).unwrap_err().kind, Kind::TokenRejected);
}

#[test]
fn a_refusal_is_read_whatever_is_odd_about_its_form() {
    let (permission, unnamed) = (Kind::Permission(Some("a.b".into())), Kind::Permission(None));
    let denied = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
    for (rest, kind) in [
        (r#","message":"m","accessdenieddetail":null"#, &unnamed),
        (r#","message":null,"accessdenieddetail":{"requiredScopes":["a.b"]}"#, &permission),
        (r#","message":["m"],"accessDeniedDetail":{"requiredscopes":"a.b"}"#, &permission),
        (r#","Message":7,"AccessDeniedDetail":{"RequiredScopes":[null,"a.b",{}]}"#, &permission),
        (r#","accessdenieddetail":[]"#, &unnamed),
        (r#","accessdenieddetail":"{\"requiredScopes\":[\"a.b\"]}""#, &permission),
        (r#","description":"{requiredScopes=a.b}""#, &permission),
        (r#","message":"x requiredScopes: a.b; y""#, &permission),
        (r#","message":false,"accessDeniedDetail":{"RequiredScopes":{"0":"a.b"}}"#, &unnamed),
        (r#","accessdenieddetail":{"requiredScopes":null},"errcode":null"#, &unnamed),
    ] {
        for code in [
            format!(r#""code":"{denied}""#),
            format!(r#""Code":"{denied}","code":null"#),
            format!(r#""CODE":" {denied} ","code":"""#),
        ] {
            let body = format!("{{{code}{rest}}}");
            assert_eq!(new(403, &body).unwrap_err().kind, *kind, "{body}");
        }
    }
    let both = r#"{"code":"InvalidAuthentication","Code":"InvalidAuthentication","message":"m","Message":"m"}"#;
    assert_eq!(new(400, both).unwrap_err().kind, Kind::TokenRejected);
    for (body, kind) in [
        (r#"{"errcode":"40078","errmsg":"x"}"#, Kind::CodeRejected),
        (r#"{"errcode":" 90018 ","errmsg":null}"#, Kind::RateLimited),
        (r#"{"errcode":40085,"errmsg":"x"}"#, Kind::SuiteTicket),
        (r#"{"errcode":853005,"errmsg":"签名中套件ticket参数无效"}"#, Kind::SuiteTicket),
        (r#"{"errcode":40014.0,"errmsg":"x"}"#, Kind::TokenRejected),
        (r#"{"errcode":88,"sub_code":60020,"sub_msg":null,"errmsg":7}"#, Kind::IpNotAllowed(None)),
        (r#"{"errcode":"88","sub_code":"60011","sub_msg":"[qyapi_base]"}"#, Kind::Permission(Some("qyapi_base".into()))),
        (r#"{"errcode":88,"sub_code":null,"errmsg":"x"}"#, Kind::Unexpected),
        (r#"{"ErrCode":50003,"ErrMsg":"x"}"#, Kind::AppStopped),
        (r#"{"errcode":-1,"result":"text"}"#, Kind::Busy),
        (r#"{"errcode":88,"sub_code":60011.0,"sub_msg":"[qyapi_base]"}"#, Kind::Permission(Some("qyapi_base".into()))),
        (r#"{"errcode":88,"subCode":"40014"}"#, Kind::TokenRejected),
        (r#"{"errcode":88,"errmsg":"ding talk error[subcode=90018,submsg=x]"}"#, Kind::RateLimited),
        ("\u{FEFF}{\"errcode\":50003}", Kind::AppStopped),
        (r#"{"errCode":"+40078","errMsg":{}}"#, Kind::Unexpected),
        (r#"{"ERRCODE":"-1 "}"#, Kind::Busy),
    ] {
        assert_eq!(old(200, body.as_bytes()).unwrap_err().kind, kind, "{body}");
        let plain = Answer { status: 200, is_json: false, date: None, body: body.into() };
        assert_eq!(plain.open::<Result>(Call::USER_DETAILS, &[]).unwrap_err().kind, kind, "as plain text: {body}");
    }
    let in_gbk = b"{\"errcode\":60121,\"errmsg\":\"\xd5\xd2\xb2\xbb\xb5\xbd\"}";
    assert_eq!(old(200, in_gbk).unwrap_err().kind, Kind::UserUnknown);
    for neither in [r#"{"errcode":"0"}"#, r#"{"errcode":0.0}"#, r#"{"errcode":null,"sub_code":"40014"}"#, r#"{"errcode":"x"}"#] {
        assert_eq!(old(200, neither.as_bytes()).unwrap_err().kind, Kind::Unintelligible(200), "{neither}");
    }
}

#[test]
fn a_malformed_success_is_an_error_of_its_own_that_names_the_field_and_nothing_in_it() {
    #[derive(Deserialize, Debug)]
    #[expect(dead_code)]
    struct Person {
        userid: UserId,
        name: Option<DisplayName>,
    }
    #[derive(Deserialize, Debug)]
    #[expect(dead_code)]
    struct Exchanged {
        result: JsonObject<Person>,
    }
    for (rest, field) in [
        (r#""result":{"userid":"   "}"#, "result.userid"),
        (r#""result":{"userid":"\u3000"}"#, "result.userid"),
        (r#""result":{"userid":"4711\u202e"}"#, "result.userid"),
        (r#""result":{"userid":"4711\u0000"}"#, "result.userid"),
        (r#""result":{"userid":4711}"#, "result.userid"),
        (r#""result":{"userid":["4711"]}"#, "result.userid"),
        (r#""result":{"userid":null,"name":"4711"}"#, "result.userid"),
        (r#""result":{"userId":"4711"}"#, "result.userid"),
        (r#""result":{"userid":"a","userid":"4711"}"#, "result.userid"),
        (r#""result":{"userid":"a","name":4711}"#, "result.name"),
        (r#""result":["4711"]"#, "result"),
        (r#""result":"4711""#, "result"),
        (r#""results":{"4711":{}}"#, "result"),
    ] {
        let body = format!(r#"{{"errcode":0,{rest}}}"#);
        let error = opened::<Exchanged>(Call::USER_BY_CODE, 200, body.as_bytes()).unwrap_err();
        assert!(error.kind == Kind::Malformed && !error.code_fate_unknown(), "{body}");
        assert_eq!(*error.said, *format!("a success whose {field} is missing or malformed"), "{body}");
    }
}

#[test]
fn what_was_sent_is_not_in_what_is_logged() {
    for body in [
        r#"{"errcode":40014,"errmsg":"不合法的 letters-only"}"#,
        r#"{"errcode":88,"sub_code":"x","sub_msg":"letters-only"}"#,
        r#"{"errcode":1,"errmsg":"a","sub_msg":"/x?q=letters-only"}"#,
        r#"{"errcode":1,"errmsg":"le\u200btters-only"}"#,
        r#"{"errcode":1,"message":"token letters-only is dead"}"#,
        r#"{"code":"letters-only","message":"x"}"#,
    ] {
        let error = Answer { status: 400, is_json: true, date: None, body: body.into() }
            .open::<Empty>(Call::JSAPI_TICKET, &["letters-only"]);
        let logged = error.unwrap_err().to_string();
        assert!(!logged.contains("letters") && logged.contains('…'), "{logged}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_success(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(old(status, &body).is_err());
    }
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code)]
struct Pair {
    a: u8,
    b: u8,
}

#[test]
fn fields_in_a_list_are_no_object() {
    assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "serde would take it");
    assert!(serde_json::from_str::<JsonObject<Pair>>("[1,2]").is_err());
    assert!(serde_json::from_str::<JsonObject<Pair>>(r#"{"a":1,"b":2}"#).is_ok());
    for wrong in [r#"{"a":1}"#, r#"{"a":1,"b":2,"a":1}"#, r#"{"a":1,"b":"2"}"#, "null", "{}", "7"] {
        assert!(serde_json::from_str::<JsonObject<Pair>>(wrong).is_err(), "{wrong}");
    }
}

fn old_kind(code: &str, text: &str) -> Kind {
    refused_by_old(Call::USER_DETAILS, code, None, text).kind
}

fn new_kind(code: &str, scopes: &str) -> Kind {
    refused_by_new(Call::JSAPI_TICKET, 403, code, "", scopes).kind
}

#[test]
fn a_missing_permission_is_named_in_both_families() {
    let text =
        "ding talk error[subcode=60011,submsg=应用尚未开通所需的权限：[qyapi_get_member], {requiredScopes=[qyapi_get_member]}]";
    let expected = Kind::Permission(Some("qyapi_get_member".into()));
    assert_eq!(old_kind("60011", text), expected);
    let code = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
    assert_eq!(new_kind(code, "qyapi_get_member"), expected);
}

#[test]
fn a_missing_permission_is_named_from_where_it_stands_and_by_no_other_word() {
    let link = |scope: &str| format!("https://open-dev.dingtalk.com/appscope/apply?content=dingabc123%23{scope}");
    for (text, named) in [
        (
            format!("应用尚未开通所需的权限：[qyapi_robot_sendmsg]，点击链接申请并开通即可：{}", link("qyapi_robot_sendmsg")),
            Some("qyapi_robot_sendmsg"),
        ),
        (
            format!("the app has not been granted the permission, apply: {}.", link("qyapi_get_department_list")),
            Some("qyapi_get_department_list"),
        ),
        (format!("権限がありません「{}」", link("fieldMobile")), Some("fieldMobile")),
        ("<a href=\"https://x/?content=dingabc#Contact.User.Read&from=api\">".into(), Some("Contact.User.Read")),
        (format!("apply: {}", link("qyapi_a%2Cqyapi_b")), Some("qyapi_a, qyapi_b")),
        ("ding talk error[subcode=60011,submsg=no permission, {requiredScopes=[a.b, c_d]}]".into(), Some("a.b, c_d")),
        ("no permission 【Contact.User.mobile】".into(), Some("Contact.User.mobile")),
        ("apply: https://x/?content=dingabc%2523qyapi_get_member".into(), Some("qyapi_get_member")),
        ("应用尚未开通所需的权限：[ fieldEmail ]".into(), Some("fieldEmail")),
        ("应用尚未开通所需的权限：[open_app_api_base]".into(), Some("open_app_api_base")),
        ("ding talk error[subcode=60011,submsg=x, {requiredScopes=qyapi_base}]".into(), Some("qyapi_base")),
        ("no permission [request_id] [zh_CN] [user.get]".into(), None),
        ("ding talk error[subcode=60011,submsg=没有调用该接口的权限]".into(), None),
        ("ding talk error[subcode=60011,submsg=x, {requiredScopes=[]}]".into(), None),
        ("没有权限 [10.0.0.1] [www.example.com]".into(), None),
        ("https://open-dev.dingtalk.com/appscope/apply?content=dingabc123".into(), None),
        ("ding talk error[subcode=60011,submsg=".into(), None),
        (String::new(), None),
    ] {
        let kind = Kind::Permission(named.map(Into::into));
        assert_eq!(old_kind("60011", &text), kind, "{text}");
        let fix = Error::new(Call::USER_DETAILS, kind, "").fix().unwrap();
        assert!(fix.contains(named.unwrap_or("that DingTalk did not name")), "{fix}");
    }
}

#[test]
fn the_address_that_is_not_allowed_is_named() {
    for (text, ip) in [
        ("访问ip不在白名单之中,request ip=203.0.113.7 appKey(dingxyz)", "203.0.113.7"),
        ("request ip=2001:db8::1 appKey(dingxyz)", "2001:db8::1"),
    ] {
        assert_eq!(old_kind("60020", text), Kind::IpNotAllowed(Some(ip.into())));
    }
}

#[test]
fn a_403_is_sorted_by_its_code() {
    let kinds = ["QpsLimitForApi", "QpmLimitForAppkeyAndApi", "ApiCountLimitForOrg"]
        .map(|end| new_kind(&format!("Forbidden.AccessDenied.{end}"), ""));
    assert_eq!(kinds, [Kind::RateLimited, Kind::LimitedForLonger, Kind::QuotaSpent]);
}
