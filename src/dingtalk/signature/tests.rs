use super::*;
use proptest::prelude::*;

fn sign(digest: Digest, ticket: &str, nonce: &str, timestamp: u64, url: &str) -> String {
    let ticket = Arc::new(JsapiTicket::parse(ticket).unwrap());
    let recipe = Recipe { digest, form: UrlForm::AsOpened };
    SignedPage { url: PageUrl::unchecked(url), recipe, ticket, nonce_str: NonceStr(nonce.into()), timestamp }.signature()
}

#[test]
fn signatures_agree_with_the_vectors() {
    let page = "https://app.example.com/h5/index.html?corpid=ding0000000000000001";
    let vectors = [
        (
            "https://app.example.com/".to_owned(),
            "92cfab9ca141d3c45f4a642676cf50d92cc6aa59",
            "6ee00f9597af4d446248e58abf17b85cab5364e454946c0695fe5ff370a4acd5",
        ),
        (
            format!("{page}&q=中"),
            "76792a4a0cabcdcce80b0c5870752f03367f825b",
            "b92434f23431ac74948fb9479b34ededf036bcd7a1ccd9276da67e76101bea1c",
        ),
        (
            format!("{page}&q=%E4%B8%AD"),
            "614bd97a250a103b69fcb236865667150d8d6f15",
            "5ef4fe04de6e0cfb5df5e902077acc66d96ef5edf0e2c8c596d0512b01674bff",
        ),
    ];
    for (url, sha1, sha256) in vectors {
        let signed = |digest| sign(digest, "ticketSAMPLE0123456789", "noncesample01", 1_700_000_000, &url);
        assert_eq!(signed(Digest::Sha1), sha1, "{url}");
        assert_eq!(signed(Digest::Sha256), sha256, "{url}");
    }
    assert_eq!(sign(Digest::Sha1, "ticket", "nonce", 1, "https://a.example/?q=1"), "00cf183db49b3ab9f215712f2c6dfb1759a5d1e7");
}

#[test]
fn a_nonce_has_128_random_bits() {
    let (one, other) = (NonceStr::random(), NonceStr::random());
    assert_eq!(one.0.len(), 32);
    assert_ne!(one, other);
}

#[test]
fn each_form_of_an_address_is_what_the_samples_make_of_it() {
    let url = PageUrl::unchecked("https://app.example.com/h5?q=%E4%B8%AD+%2B%20x");
    let form = |form| Recipe { digest: Digest::Sha1, form }.address(&url);
    assert_eq!(form(UrlForm::AsOpened), "https://app.example.com/h5?q=%E4%B8%AD+%2B%20x");
    assert_eq!(form(UrlForm::QueryDecoded), "https://app.example.com/h5?q=中++ x");
    assert_eq!(form(UrlForm::QueryFormDecoded), "https://app.example.com/h5?q=中 + x");
    assert_eq!(form(UrlForm::OriginOnly), "https://app.example.com/");
}

#[test]
fn only_an_address_that_reads_like_the_rest_of_what_is_signed_is_not() {
    let form = |form, query: &str| {
        let url = PageUrl::unchecked(&format!("https://app.example.com/?{query}"));
        Recipe { digest: Digest::Sha1, form }.check(&url).is_ok()
    };
    let encoded = "a=1&timestamp=1&url=https%3A%2F%2Fb.example";
    for good in [encoded, "a=1&url=https://b.example&timestamp=1", "timestamp=1&url=2", "url=https://b.example"] {
        assert!(form(UrlForm::AsOpened, good), "{good}");
    }
    for bad in ["a=1&timestamp=1&url=https://b.example", "&timestamp=1&x=2&url=http://b.example/?"] {
        assert!(!form(UrlForm::AsOpened, bad) && form(UrlForm::OriginOnly, bad), "{bad}");
    }
    assert!(!form(UrlForm::QueryDecoded, encoded) && !form(UrlForm::QueryFormDecoded, encoded));
}

impl PageUrl {
    pub(crate) fn unchecked(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[test]
fn only_pages_of_our_own_origin_are_signed_and_only_as_browsers_write_them() {
    let ours = Origin::parse("https://app.example.com").unwrap();
    for good in [
        "https://app.example.com/",
        "https://app.example.com/a/b?q=%E4%B8%AD&x=a+b%20c",
        "https://app.example.com/?next=https://evil.example/",
        "https://app.example.com/?who=O'Hara&city=L'Aquila",
        "https://app.example.com/?who=O%27Hara",
        "https://app.example.com/it's/a[1]/{x}|y^z`",
        "https://app.example.com/%7Bx%7D%7Cy%5Ez%60%5B1%5D",
        "https://app.example.com/?ids[]=1&filter={%22a%22:[1]}",
        "https://app.example.com/?q=a|b^c`d\\e%",
    ] {
        assert_eq!(PageUrl::parse(&ours, good).unwrap().as_str(), good);
    }
    assert_eq!(PageUrl::parse(&ours, "https://app.example.com/?q=1#part").unwrap().as_str(), "https://app.example.com/?q=1");
    for bad in [
        "",
        "/",
        "//app.example.com/",
        "https://app.example.com",
        "https://app.example.com:443/",
        "https://app.example.com:8443/",
        "http://app.example.com/",
        "blob:https://app.example.com/x",
        "HTTPS://app.example.com/",
        "https://APP.example.com/",
        "https://app.example.com./",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "https://u:p@app.example.com/",
        "https://u@app.example.com/",
        "https:app.example.com/",
        "https:/app.example.com/",
        "https:\\\\app.example.com\\",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/a/../b",
        "https://app.example.com/?q=中",
        "https://app.example.com/a b",
        "https://app.example.com/a\\b",
        "https://app.example.com/\"x\"",
        "https://app.example.com/?q=\"x\"",
        "https://app.example.com/?q=<x>",
        "https://app.example.com/?q='中'",
        "https://app.example.com/'/../x",
        "https://app.example.com/%2e%2E/x",
        "https://app.example.com'/",
        "https://[app.example.com]/",
        " https://app.example.com/",
        "https://app.example.com/\n",
        "https://app.exam\tple.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app%2eexample.com/",
        "https://evil.example/#https://app.example.com/",
        "https://app.example.com#@evil.example/",
    ] {
        assert!(PageUrl::parse(&ours, bad).is_err(), "{bad:?}");
    }
    assert!(PageUrl::parse(&ours, &format!("https://app.example.com/{}", "x".repeat(2048))).is_err());
}

#[test]
fn an_origin_is_scheme_host_and_port_and_nothing_else() {
    for good in ["https://app.example.com", "https://app.example.com/", "http://127.0.0.1:8080", "http://[::1]:8080"] {
        assert!(Origin::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "app.example.com",
        "ftp://app.example.com",
        "https://app.example.com/path",
        "https://app.example.com?q",
        "https://app.example.com:443",
        "https://App.example.com",
        "https://u@app.example.com",
        "https://app.example.com//",
    ] {
        assert!(Origin::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn whatever_is_signed_begins_with_our_origin_and_is_ascii(rest in any::<String>(), lead in "[a-z:/@.\\\\]{0,20}") {
        let ours = Origin::parse("https://app.example.com").unwrap();
        for href in [format!("{ours}{rest}"), format!("{ours}/{rest}"), format!("{lead}{ours}{rest}"), rest.clone()] {
            if let Ok(page) = PageUrl::parse(&ours, &href) {
                prop_assert!(page.as_str().starts_with("https://app.example.com/"));
                prop_assert!(page.as_str().is_ascii() && !page.as_str().contains('#'));
                prop_assert!(href.starts_with(page.as_str()));
            }
        }
    }
}
