//! Headers that are read beyond equality.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::test::TestRequest;

use super::super::guard::ClientAddress;
use super::super::language::Language;

/// The header values that the lines of `input` are.
pub(super) fn lines(input: &[u8]) -> impl Iterator<Item = HeaderValue> {
    input
        .split(|byte| *byte == b'\n')
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
}

/// The first line is a User-Agent, the others are Accept-Language. Nobody who does not ask for Chinese gets it.
pub fn accept_language(input: &[u8]) {
    let mut lines = lines(input);
    let mut request = TestRequest::default();
    if let Some(client) = lines.next() {
        request = request.insert_header((USER_AGENT, client));
    }
    for accepted in lines {
        request = request.append_header((ACCEPT_LANGUAGE, accepted));
    }
    let asks_for_chinese = input.to_ascii_lowercase().windows(2).any(|two| two == b"zh");
    let language = Language::asked_for_by(&request.to_http_request());
    assert!(asks_for_chinese || language == Language::English);
}

/// Each line is an X-Forwarded-For of a request that a trusted proxy passed on. The client is the nearest hop that is not trusted, if every
/// hop up to it can be read; otherwise the last of those that can. A stranger's are not looked at.
pub fn forwarded_for(input: &[u8]) {
    const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    let mut headers = HeaderMap::new();
    for line in lines(input) {
        headers.append(HeaderName::from_static("x-forwarded-for"), line);
    }
    let hop = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).trim().to_owned();
        let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
        text.parse().or_else(|_| with_port()).ok()
    };
    let readable = headers
        .iter()
        .flat_map(|(_, line)| line.as_bytes().split(|byte| *byte == b',').map(hop));
    let mut nearest_first: Vec<Option<IpAddr>> = readable.collect();
    nearest_first.reverse();
    let is_trusted = |hop: &IpAddr| matches!(hop.to_canonical(), IpAddr::V4(hop) if hop.octets()[0] == 10);
    let proxies = nearest_first
        .iter()
        .take_while(|hop| hop.as_ref().is_some_and(is_trusted))
        .count();
    let before = nearest_first.get(proxies).copied().flatten();
    let expected = before.or(nearest_first[..proxies].last().copied().flatten()).unwrap_or(PROXY);

    let Ok(trusted) = "10.0.0.0/8".parse() else { return };
    assert_eq!(ClientAddress::of(PROXY, &headers, &[trusted]).0, expected, "{headers:?}");
    assert_eq!(ClientAddress::of(STRANGER, &headers, &[trusted]).0, STRANGER);
}
