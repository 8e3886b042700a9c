//! Why a client refused a signature. DingTalk's refusal (code 52013) echoes the address and the tickets that the client used, so the
//! part that differs from what was signed can be named.

use url::Url;

use super::signature::{SignedPage, decoded};
use super::{AgentId, CorpId};

/// What `dd.error` said on a page. None of it is to be trusted: the page passes it on.
#[derive(Debug, Clone)]
pub struct ClientRefusal {
    /// The client's code; 3 stands for every failed verification.
    pub code: String,
    /// The client's text, as it came. It may hold tickets.
    pub text: String,
    /// The page's `location.href`.
    pub href: String,
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
#[expect(missing_docs, reason = "the advice says what each is")]
impl Part {
    pub const SCHEME: Self = Self { name: "scheme", advice: "the client opens the page with another scheme: PUBLIC_URL must begin as the app's homepage does" };
    pub const HOST: Self = Self { name: "host", advice: "the client opens the page at another host: PUBLIC_URL must be the origin of the app's homepage" };
    pub const PORT: Self = Self { name: "port", advice: "the client opens the page at another port: PUBLIC_URL must be the origin of the app's homepage" };
    pub const PATH: Self = Self { name: "path", advice: "the path was changed between the client and this server: the proxy must pass it on unchanged" };
    pub const QUERY: Self = Self { name: "query", advice: "the query was changed between the client and this server, or by a script before dd.config" };
    pub const DECODING: Self = Self { name: "decoding", advice: "the client checks the query in its other, decoded or encoded, form: keep odd characters out of the page's address" };
    pub const DIGEST: Self = Self { name: "digest", advice: "the client computes the other digest: change JSAPI_DIGEST" };
    pub const TICKET_AGE: Self = Self { name: "ticket age", advice: "the client does not know the jsapi_ticket: it is fetched anew, load the page again" };
    pub const AGENT: Self = Self { name: "agent", advice: "DINGTALK_AGENT_ID is not this app's: Developer Console > the app > Credentials and Basic Information" };
    pub const CORP: Self = Self { name: "corp", advice: "DINGTALK_CORP_ID is not the organisation that the page was opened in: Developer Console > Home" };
    pub const TIME_STAMP: Self = Self { name: "time stamp", advice: "the page passed another timeStamp to dd.config than the one signed for it: pass it on unchanged, as text" };
    pub const NONCE: Self = Self { name: "nonce", advice: "the page passed other values to dd.config than the ones signed for it: pass them on unchanged" };
}

impl ClientRefusal {
    /// The parts that explain the refusal of `signed`. When the address is the same and the client did not show its tickets, both the
    /// digest and the ticket may be to blame. Empty when the client did not say enough: see [`ClientRefusal::possible`].
    pub fn explain(&self, signed: &SignedPage) -> Vec<Part> {
        let code = self.platform_code();
        match code.as_deref() {
            Some("52010") => return vec![Part::CORP],
            Some("52019" | "52021") => return vec![Part::AGENT],
            Some("52011") => return vec![Part::TICKET_AGE],
            _ => {}
        }
        let timestamp = signed.timestamp.to_string();
        let passed_on = [(Part::NONCE, "nonce", signed.nonce_str.0.as_str()), (Part::TIME_STAMP, "timestamp", &timestamp)];
        let changed =
            passed_on.into_iter().filter(|(_, name, ours)| self.quoted(name).is_some_and(|used| !is_shown_as(ours, used)));
        let changed: Vec<_> = changed.map(|(part, ..)| part).collect();
        if !changed.is_empty() {
            return changed;
        }
        let page = self.href.split('#').next().unwrap_or_default();
        let parts = differences(signed.url.as_str(), self.quoted("url").unwrap_or(page));
        if !parts.is_empty() {
            return parts;
        }
        match self.quoted("ticketList").map(|tickets| shows(tickets, signed)) {
            Some(true) => vec![Part::DIGEST],
            Some(false) => vec![Part::TICKET_AGE],
            None if code.as_deref() == Some("52013") => vec![Part::DIGEST, Part::TICKET_AGE],
            None => Vec::new(),
        }
    }

    /// What the client did say when that explains nothing, and what may still be the matter with `signed`, the likeliest first.
    pub fn possible(&self, signed: &SignedPage, agent_id: &AgentId, corp_id: &CorpId) -> String {
        let code = self.platform_code();
        let (said, not_permitted) = match (code.as_deref(), self.code.trim()) {
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
        // Checked already where the client told its own.
        let address = self.quoted("url").is_none().then(|| {
            format!(
                "the client has another address for the page than {} (PUBLIC_URL, a proxy, a script before dd.config)",
                signed.url.origin()
            )
        });
        let others = [
            "the page did not pass all values to dd.config as they were signed".to_owned(),
            "the client no longer knows the jsapi_ticket (load the page again)".to_owned(),
            "it computes the other digest (JSAPI_DIGEST)".to_owned(),
            format!("agent {agent_id} or corp {corp_id} is another app's (DINGTALK_AGENT_ID, DINGTALK_CORP_ID)"),
        ];
        let mut possible: Vec<_> = address.into_iter().chain(others).chain([permitted]).collect();
        if not_permitted {
            possible.rotate_right(1);
        }
        format!("the client said {said}; still possible, the likeliest first: {}", possible.join("; or "))
    }

    /// The platform's code: `Code:52013` in the text, or the code itself, or any such number in the client's own words.
    fn platform_code(&self) -> Option<String> {
        // What it only quotes, fields and addresses, may hold numbers of any kind.
        let mut fields = self.text.split(":[");
        let before = fields.next().unwrap_or_default();
        let own = std::iter::once(before).chain(fields.map(|field| field.rsplit_once(']').map_or("", |(_, after)| after)));
        let own: Vec<_> = own.flat_map(str::split_whitespace).filter_map(|word| word.split("http").next()).collect();
        let own = own.join(" ").to_ascii_lowercase();
        let is_code = |number: &&str| number.len() == 5 && number.starts_with("52");
        let numbers = |text: &'_ str| text.split(|c: char| !c.is_ascii_digit()).find(is_code).map(str::to_owned);
        let named = own.split("code").skip(1).find_map(|rest| {
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ":：=\"'".contains(c));
            rest.split(|c: char| !c.is_ascii_digit()).next().filter(is_code)
        });
        named.map(str::to_owned).or_else(|| numbers(&self.code)).or_else(|| numbers(&own))
    }

    /// What stands in `name:[…]`. It may hold brackets itself, as addresses do: it ends before the next field, or with the last bracket.
    fn quoted(&self, name: &str) -> Option<&str> {
        const FIELDS: [&str; 10] =
            ["nonce", "nonceStr", "timestamp", "timeStamp", "url", "ticketList", "ticket", "signature", "agentId", "corpId"];
        let begins = format!("{name}:[");
        // Not as the end of another name.
        let is_whole = |at: usize| !self.text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let (at, _) = self.text.match_indices(&begins).find(|(at, _)| is_whole(*at))?;
        let rest = &self.text[at + begins.len()..];
        let next = FIELDS
            .iter()
            .flat_map(|field| [",", ", ", "，", ";", "; ", " "].map(|comma| rest.find(&format!("]{comma}{field}:["))));
        next.flatten().min().or_else(|| rest.rfind(']')).map(|end| &rest[..end])
    }
}

/// Whether `used` is `ours`, which the client may show shortened.
fn is_shown_as(ours: &str, used: &str) -> bool {
    let used = used.trim();
    used.strip_suffix('…').or(used.strip_suffix("...")).map_or(used == ours, |head| ours.starts_with(head))
}

/// Whether the list names the ticket that was signed with; long ones are shown shortened.
fn shows(tickets: &str, signed: &SignedPage) -> bool {
    const RECOGNISABLE: usize = 4;
    let heads = tickets.split(',').map(|ticket| ticket.trim().trim_end_matches(['…', '.']));
    heads.filter(|head| head.len() >= RECOGNISABLE).any(|head| signed.ticket.expose().starts_with(head))
}

fn differences(signed: &str, used: &str) -> Vec<Part> {
    if is_shown_as(signed, used) {
        return Vec::new();
    }
    let (Ok(ours), Ok(theirs)) = (Url::parse(signed), Url::parse(used)) else {
        return vec![Part::QUERY];
    };
    let query = |url: &str| url.split_once('?').map(|(_, query)| query.to_owned());
    let same_when_decoded = |one: &str, other: &str| decoded(one).replace('+', " ") == decoded(other).replace('+', " ");
    let (query, query_differs) = match (query(signed), query(used)) {
        // The texts differ although every part is equal: one of them is written in another way.
        (one, other) if one == other => (Part::DECODING, ours == theirs),
        (Some(one), Some(other)) if same_when_decoded(&one, &other) => (Part::DECODING, true),
        _ => (Part::QUERY, true),
    };
    let parts = [
        (Part::SCHEME, ours.scheme() != theirs.scheme()),
        (Part::HOST, ours.host_str() != theirs.host_str()),
        (Part::PORT, ours.port() != theirs.port()),
        (Part::PATH, ours.path() != theirs.path()),
        (query, query_differs),
    ];
    parts.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::identifiers::JsapiTicket;
    use super::super::page_url::PageUrl;
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
            ("https://app.example.com/?q=%E4%B8%AD", vec![Part::PATH]),
            ("https://app.example.com/jsapi?q=1", vec![Part::QUERY]),
            ("https://app.example.com/jsapi", vec![Part::QUERY]),
            ("https://app.example.com/jsapi?q=中", vec![Part::DECODING]),
            ("http://10.0.0.1:3000/", vec![Part::SCHEME, Part::HOST, Part::PORT, Part::PATH, Part::QUERY]),
        ] {
            let text = format!("权限校验失败 Code:52013 - Message: 签名校验失败,url:[{url}],ticketList:[aC7X…]");
            assert_eq!(explained("3", &text), parts, "{url}");
        }
    }

    #[test]
    fn with_the_same_address_the_tickets_tell_whether_digest_or_ticket_is_to_blame() {
        let said =
            |tickets: &str| explained("3", &format!("Code:52013 - Message: 签名校验失败,url:[{PAGE}],ticketList:[{tickets}]"));
        assert_eq!(said("aC7X…"), [Part::DIGEST]);
        assert_eq!(said("other, aC7Xticket"), [Part::DIGEST]);
        assert_eq!(said("bbbb…"), [Part::TICKET_AGE]);
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
}
