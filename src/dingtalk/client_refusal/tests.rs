//! What clients said, and what that means.

use std::sync::Arc;

use super::super::PageUrl;
use super::super::identifiers::JsapiTicket;
use super::super::signature::{Digest, NonceStr, Recipe, UrlForm};
use super::*;

const PAGE: &str = "https://app.example.com/jsapi?q=%E4%B8%AD";

fn signed() -> SignedPage {
    SignedPage {
        url: PageUrl::unchecked(PAGE),
        recipe: Recipe { digest: Digest::Sha1, form: UrlForm::AsOpened },
        ticket: Arc::new(JsapiTicket::parse("aC7Xticket").unwrap()),
        nonce_str: NonceStr::random(),
        timestamp: 1,
    }
}

fn explained(code: &str, text: &str) -> Vec<Part> {
    ClientRefusal { code: code.into(), text: text.into(), href: format!("{PAGE}#part") }.explain(&signed())
}

#[test]
fn the_part_of_the_address_that_differs_is_named() {
    for (url, parts) in [
        ("http://app.example.com/jsapi?q=%E4%B8%AD", vec![Part::SCHEME]),
        ("https://www.example.com/jsapi?q=%E4%B8%AD", vec![Part::HOST]),
        ("https://app.example.com:8443/jsapi?q=%E4%B8%AD", vec![Part::PORT]),
        ("https://app.example.com:443/jsapi?q=%E4%B8%AD", vec![Part::SPELLING]),
        ("https://App.Example.com/jsapi?q=%E4%B8%AD", vec![Part::SPELLING]),
        ("https://app.example.com/?q=%E4%B8%AD", vec![Part::PATH]),
        ("https://app.example.com/jsapi?q=1", vec![Part::QUERY]),
        ("https://app.example.com/jsapi", vec![Part::QUERY]),
        ("https://app.example.com/jsapi?q=中", vec![Part::DECODING]),
        ("undefined", vec![]),
        ("app.example.com/jsapi", vec![]),
        ("http://10.0.0.1:3000/", vec![Part::SCHEME, Part::HOST, Part::PORT, Part::PATH, Part::QUERY]),
    ] {
        let text = format!("权限校验失败 Code:52013 - Message: 签名校验失败,url:[{url}],ticketList:[aC7X…]");
        assert_eq!(explained("3", &text), parts, "{url}");
    }
}

#[test]
fn a_homepage_without_a_slash_is_written_in_another_way() {
    let signed = SignedPage { url: PageUrl::unchecked("https://app.example.com/?corpid=ding1"), ..signed() };
    for url in ["https://app.example.com?corpid=ding1", "https://app.example.com:443?corpid=ding1"] {
        let refusal = ClientRefusal { code: "3".into(), text: format!("Code:52013,url:[{url}]"), href: String::new() };
        assert_eq!(refusal.explain(&signed), [Part::SPELLING], "{url}");
    }
}

#[test]
fn with_the_same_address_the_tickets_tell_whether_digest_or_ticket_is_to_blame() {
    let said = |tickets: &str| explained("3", &format!("Code:52013 - Message: 签名校验失败,url:[{PAGE}],ticketList:[{tickets}]"));
    assert_eq!(said("aC7X…"), [Part::DIGEST]);
    assert_eq!(said("other, aC7Xticket"), [Part::DIGEST]);
    assert_eq!(said("bbbb…"), [Part::TICKET_AGE]);
    assert_eq!(said("aC7X****************"), [Part::DIGEST]);
    assert_eq!(said("bbbb************, aC7Xti**et"), [Part::DIGEST]);
    assert_eq!(said("bbbb****************"), [Part::TICKET_AGE]);
    for unrecognisable in ["", "****************", "aC****", "bb…"] {
        assert_eq!(said(unrecognisable), [Part::DIGEST, Part::TICKET_AGE], "{unrecognisable}");
    }
    assert_eq!(explained("3", "Code:52013"), [Part::DIGEST, Part::TICKET_AGE]);
}

#[test]
fn other_codes_speak_for_themselves() {
    assert_eq!(explained("3", "Code:52010 - Message: x"), [Part::CORP]);
    assert_eq!(explained("52019", ""), [Part::AGENT]);
    assert_eq!(explained("3", "Code:52011"), [Part::TICKET_AGE]);
    assert_eq!(explained("3", "Code:52013,nonce:[another]"), [Part::NONCE]);
    assert_eq!(explained("3", "Code:52013,timestamp:[2]"), [Part::TIME_STAMP]);
    assert_eq!(explained("7", "no permission"), []);
}

#[test]
fn a_text_that_was_cut_anywhere_names_nothing_that_is_not_so() {
    let path_and_query = format!("/list?ids[]=1&ids[]=2&q={}", "%E4%B8%AD".repeat(60));
    let signed = SignedPage { url: PageUrl::unchecked(&format!("https://app.example.com{path_and_query}")), ..signed() };
    let nonce = &signed.nonce_str.0;
    let at_origin = |origin: &str| format!("{origin}{path_and_query}");
    for (used, tickets, parts) in [
        (at_origin("https://app.example.com"), "aC7X…", &[Part::DIGEST][..]),
        (at_origin("https://app.example.com"), "bbbb…,aC7X…", &[Part::DIGEST]),
        (at_origin("https://app.example.com"), "bbbb…", &[Part::TICKET_AGE]),
        (at_origin("http://app.example.com"), "aC7X…", &[Part::SCHEME]),
        (at_origin("http://app.example.com:3000"), "aC7X…", &[Part::SCHEME, Part::PORT]),
        (format!("https://app.example.com/other{path_and_query}"), "aC7X…", &[Part::PATH]),
        (format!("https://app.example.com/list?x&ids[]={}", "1".repeat(500)), "aC7X…", &[Part::QUERY]),
    ] {
        let fields = format!("nonce:[{nonce}],timestamp:[1],url:[{used}],ticketList:[{tickets}],x");
        let whole = format!("权限校验失败 Code:52013 - Message: 签名校验失败,{fields}");
        let explained =
            |text: String| ClientRefusal { code: "3".into(), text, href: signed.url.as_str().into() }.explain(&signed);
        assert_eq!(explained(whole.clone()), parts);
        let address_ends = whole.find("],ticketList").unwrap();
        for (cut, _) in whole.char_indices() {
            let text = format!("{}…", &whole[..cut]);
            let told = explained(text.clone());
            let either = [Part::DIGEST, Part::TICKET_AGE];
            let is_so = told.is_empty() || told == parts || (told == either && either.contains(&parts[0]));
            assert!(is_so, "{text}: {told:?}");
            assert!(cut > address_ends || !told.iter().any(|part| either.contains(part)), "{text}: {told:?}");
        }
    }
}

#[test]
fn an_address_that_is_cut_off_stays_possible() {
    let refusal = ClientRefusal { code: "3".into(), text: format!("Code:52013,url:[{}…", &PAGE[..30]), href: PAGE.into() };
    assert_eq!(refusal.explain(&signed()), []);
    let (agent, corp) = (AgentId::parse("4711").unwrap(), CorpId::parse("dingcorp").unwrap());
    let possible = refusal.possible(&signed(), &agent, &corp);
    assert!(possible.contains("the signature is not right") && possible.contains("PUBLIC_URL"), "{possible}");
}

#[test]
fn brackets_in_the_address_end_nothing() {
    for address in [
        "https://app.example.com/list?ids[]=1&ids[]=2",
        "https://app.example.com/list?filter[status]=open",
        "https://app.example.com/list?filter%5Bstatus%5D=open",
        "https://app.example.com/list?a=[[1],[2]]",
        "https://app.example.com/list?q=],x:[",
        "https://app.example.com/[x]/y?z=]",
        "https://app.example.com/list?ids%5B%5D=1&ids%5b%5d=2",
        "https://app.example.com/list?q=[",
        "https://app.example.com/list?q=]]]],x",
        "https://app.example.com/list?url:[x]",
        "https://app.example.com/list?m[a][b][]=1&m[a][c]=[2]",
    ] {
        let signed = SignedPage { url: PageUrl::unchecked(address), ..signed() };
        let explained = |text: String| ClientRefusal { code: "3".into(), text, href: address.into() }.explain(&signed);
        let (nonce, other) = (&signed.nonce_str.0, format!("{address}&more[]=1"));
        for before in ["baseurl:[https://x/],".into(), String::new(), format!("nonce:[{nonce}],timestamp:[1],")] {
            let said = |rest: String| explained(format!("权限校验失败 Code:52013 - Message: 签名校验失败,{before}{rest}"));
            assert_eq!(said(format!("url:[{address}],ticketList:[bbbb…]")), [Part::TICKET_AGE], "{address}");
            assert_eq!(said(format!("ticketList:[aC7X…], url:[{address}]")), [Part::DIGEST], "{address}");
            assert_eq!(said(format!("url:[{other}],ticketList:[aC7X…]")), [Part::QUERY], "{address}");
            assert_eq!(said(format!("url:[{address}],ticketList:[bbbb…]. More [x] here")), [Part::TICKET_AGE], "{address}");
            assert_eq!(said(format!("url:[{address}]; ticketList:[bbbb…]")), [Part::TICKET_AGE], "{address}");
            assert_eq!(said(format!("url:[{address}] ticketList:[aC7X…]")), [Part::DIGEST], "{address}");
        }
    }
}

#[test]
fn what_the_page_should_have_passed_on_has_parts_of_its_own() {
    let nonce = signed().nonce_str.0;
    for (fields, parts) in [
        ("timestamp:[1]".to_owned(), vec![Part::DIGEST, Part::TICKET_AGE]),
        ("timestamp:[1000]".to_owned(), vec![Part::TIME_STAMP]),
        ("timestamp:[]".to_owned(), vec![Part::TIME_STAMP]),
        ("timestamp:[1.0]".to_owned(), vec![Part::TIME_STAMP]),
        (format!("nonce:[{nonce}x],timestamp:[01]"), vec![Part::NONCE, Part::TIME_STAMP]),
        ("nonce:[…],timestamp:[…]".to_owned(), vec![Part::DIGEST, Part::TICKET_AGE]),
        ("nonce:[undefined],timestamp:[1]".to_owned(), vec![Part::NONCE]),
    ] {
        let text = format!("Code:52013 - Message: x,{fields},url:[{PAGE}]");
        assert_eq!(explained("3", &text), parts, "{fields}");
    }
}

#[test]
fn of_a_client_that_says_next_to_nothing_nothing_more_is_claimed() {
    let (agent, corp) = (AgentId::parse("4711").unwrap(), CorpId::parse("dingcorp").unwrap());
    let in_order =
        ["PUBLIC_URL", "as they were signed", "jsapi_ticket", "JSAPI_DIGEST", "agent 4711 or corp dingcorp", "published"];
    for (code, text, said) in [
        ("3", "权限校验失败", "no more than that it refuses"),
        ("3", "permission verification failed", "no more than that it refuses"),
        ("3", "アクセス権の確認に失敗しました", "no more than that it refuses"),
        ("3", "", "no more than that it refuses"),
        ("", "undefined", "no more than that it refuses"),
        ("9", "invalid random string", "that the nonceStr is invalid"),
        ("3", "Code:52012 - Message: x", "that it could not compute the signature"),
        ("52014", "", "that the address is invalid"),
        ("3", "Code:52015", "that the nonceStr is invalid"),
        ("52016", "x", "that a value to be signed is invalid"),
        ("3", "权限校验失败 Code:52017", "that the jsApiList is invalid"),
        ("3", "Code: 52018", "that the timeStamp is invalid"),
        ("52022", "", "that the type is invalid"),
        ("3", "Code:52020 - Message: x", "that it knows no such service window"),
        ("52023", "", "that it knows no such service window"),
        ("3", "Code:52024", "that a JSAPI's tag is invalid"),
        ("52025", "", "that this is no secure micro-app"),
        ("3", "fehlgeschlagen (52026)", "that this is no secure micro-app"),
        ("3", "Code:52099", "no more than its code"),
        ("11", "verificação de permissão falhou", "no more than that it refuses"),
    ] {
        let refusal = ClientRefusal { code: code.into(), text: text.into(), href: PAGE.into() };
        assert_eq!(refusal.explain(&signed()), [], "{code} {text}");
        let possible = refusal.possible(&signed(), &agent, &corp);
        assert!(possible.starts_with(&format!("the client said {said}")) && !possible.contains("right"), "{possible}");
        let places = in_order.map(|what| possible.find(what));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{possible}");
    }
    let told = |code: &str, text: &str| {
        ClientRefusal { code: code.into(), text: text.into(), href: PAGE.into() }.possible(&signed(), &agent, &corp)
    };
    assert!(!told("3", &format!("x,url:[{PAGE}]")).contains("PUBLIC_URL"), "the address is known to be the same");
    let not_permitted = told("7", "no permission");
    assert!(not_permitted.find("published") < not_permitted.find("PUBLIC_URL"), "{not_permitted}");
}

#[test]
fn the_clients_own_code_beats_every_other_number() {
    let with = |query: &str| format!("{PAGE}&{query}");
    for (code, text) in [
        ("3", format!("Code:52010 - Message: x,url:[{}]", with("order=52011"))),
        ("3", format!("url:[{}] Code:52010", with("order=52011&Code:52013"))),
        ("3", format!("order 52011 refused, code：52010, {}", with("order=52019"))),
        ("3", "errorCode:3 Code: 52010, 52013".to_owned()),
        ("52010", format!("invalid corp at {}", with("order=52011"))),
        ("52010", format!("invalid corp,url:[{}],ticketList:[52013]", with("ids[]=52011&x:[52019"))),
        ("3", format!("52010 invalid corp,url:[{}]", with("a=[52011]"))),
    ] {
        assert_eq!(explained(code, &text), [Part::CORP], "{text}");
    }
    assert_eq!(explained("3", &format!("failed,url:[{PAGE}],nonce:[…]")), [], "nothing is known");
    assert_eq!(explained("3", "failed,url:[https://app.exam…],nonce:[…]"), []);
    assert_eq!(explained("3", &format!("failed,url:[{}],x", with("order=52011"))), [Part::QUERY]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_stumble(code in ".{0,8}", text in ".{0,80}", href in ".{0,40}") {
        ClientRefusal { code: code.clone(), text: format!("52{text}"), href: href.clone() }.explain(&signed());
        ClientRefusal { code, text: format!("{text}url:[{href}],52"), href }.explain(&signed());
    }
}
