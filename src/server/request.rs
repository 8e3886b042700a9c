//! What the head of a request may look like.

use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::ParseError;
use actix_http::h1::{Codec, Message};
use actix_http::{Request, RequestHead, Version};
use actix_web::HttpMessage;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{ACCEPT_LANGUAGE, HOST, HeaderName, HeaderValue, USER_AGENT};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::BytesMut;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tokio_util::codec::Decoder;

/// Middleware that answers a request which the connection has refused with an error and its status, as the HTTP library's own errors are. A
/// middleware outside of it writes the text of the response.
pub async fn bounds(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let refusal = request.extensions_mut().remove::<Refusal>();
    match refusal {
        Some(Refusal(status, reason)) => Ok(request.error_response(InternalError::new(reason, status))),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

/// In bytes. A URL of this app carries a page's own parameters at most.
const LONGEST_URI: usize = 8 * 1024;
/// The size of a head in bytes, with its empty line. Two cookies of this app are less than a third of it, and the HTTP library would read
/// eight times as much.
const LARGEST: usize = 16 * 1024 + "\r\n".len();

/// Why a request is refused before any handler sees it. A middleware outside of [`bounds`] writes the text of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(StatusCode, &'static str);

impl Refusal {
    /// The head was not complete in time.
    pub const SLOW: Self = Self(StatusCode::REQUEST_TIMEOUT, "the head took too long");
    const LONG_URI: Self = Self(StatusCode::URI_TOO_LONG, "the address is too long");
    const LARGE: Self = Self(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large");
    const MALFORMED: Self = Self(StatusCode::BAD_REQUEST, "it is no request of HTTP/1.1");
    const LINE_FEED: Self = Self(StatusCode::BAD_REQUEST, "a line ends with a line feed alone");
    const TARGET: Self = Self(StatusCode::BAD_REQUEST, "its target is not a path");
    const HOST: Self = Self(StatusCode::BAD_REQUEST, "it names no host, or several");
}

/// Takes the request at the beginning of `received`; None if its head has not come completely. It refuses a head that this server and
/// another one could understand differently.
pub fn read_head(received: &mut BytesMut, codec: &mut Codec) -> Result<Option<Request>, Refusal> {
    // After each response nothing more has come, as a rule, and the library looks for a head at a cost even then.
    if received.is_empty() {
        return Ok(None);
    }
    let uri = target(received).split(|byte| *byte == b'#').next().unwrap_or_default();
    let too_large = if uri.len() > LONGEST_URI { Refusal::LONG_URI } else { Refusal::LARGE };
    let mut unread = BytesMut::from(&received[..]);
    let request = match codec.decode(&mut unread) {
        Ok(Some(Message::Item(request))) => request,
        Ok(_) if received.len() < LARGEST => return Ok(None),
        Ok(_) | Err(ParseError::TooLarge) => return Err(too_large),
        Err(_) => return Err(Refusal::MALFORMED),
    };
    let length = received.len() - unread.len();
    if too_large == Refusal::LONG_URI || length > LARGEST {
        return Err(too_large);
    }
    if has_lone_line_feed(0, &received[..length]) {
        return Err(Refusal::LINE_FEED);
    }
    check(request.head())?;
    *received = unread;
    Ok(Some(request))
}

/// Whether a line of `text` ends with a line feed alone; `before` is the byte before `text`. RFC 9112, 2.2 allows that, and few do it: a
/// server in front could see one line, or one head, where the library sees two.
pub fn has_lone_line_feed(before: u8, text: &[u8]) -> bool {
    let is_lone = |before: u8, byte: u8| (byte == b'\n') & (before != b'\r');
    let begins_so = text.first().is_some_and(|first| is_lone(before, *first));
    // Goes on to the end, so that the compiler can look at many bytes at once.
    text.windows(2).fold(begins_so, |found, pair| found | is_lone(pair[0], pair[1]))
}

/// Refuses a request that leaves open which path or which host is meant (RFC 9112, section 3.2).
fn check(request: &RequestHead) -> Result<(), Refusal> {
    // Proxies send a scheme and a host in front of the path, which are then ignored.
    let uri = &request.uri;
    if !uri.path().starts_with('/') || !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Refusal::TARGET);
    }
    // An address may have no host.
    let is_host = |text: &str| text.is_empty() || text.parse::<Authority>().is_ok() && !text.contains('@');
    let mut hosts = request.headers().get_all(HOST);
    match (hosts.next(), hosts.next()) {
        (None, None) if request.version != Version::HTTP_11 => Ok(()),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        _ => Err(Refusal::HOST),
    }
}

/// The target of the request: what stands between the first two spaces of the first line. Empty lines may precede that.
fn target(received: &[u8]) -> &[u8] {
    let line = received.trim_ascii_start().split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    line.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// A request in place of one that was `refused`: with its path, language and client, and nothing else. [`bounds`] answers it.
pub fn stand_in(refused: &[u8], refusal: Refusal, codec: &mut Codec) -> Request {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');
    const LONGEST_PATH: usize = 256;
    // The refused request must leave no traces in the codec.
    *codec = Codec::new(codec.config().clone());
    let mut request = Request::new();
    let head = request.head_mut();
    // The library reuses the heads of former requests, of which it clears only the headers.
    *head = RequestHead::default();
    if refused.trim_ascii_start().starts_with(b"HEAD ") {
        head.method = Method::HEAD;
    }
    let path = target(refused).split(|byte| *byte == b'?').next().unwrap_or_default();
    let path = &path[..path.len().min(LONGEST_PATH)];
    let path = percent_encode(path.strip_prefix(b"/").unwrap_or_default(), &KEPT);
    head.uri = format!("/{path}").parse().unwrap_or_default();
    for line in refused.split(|byte| *byte == b'\n').skip(1) {
        let mut parts = line.splitn(2, |byte| *byte == b':').map(<[u8]>::trim_ascii);
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default());
        if let (Ok(name @ (ACCEPT_LANGUAGE | USER_AGENT)), Ok(value)) = (name, value) {
            head.headers.append(name, value);
        }
    }
    request.extensions_mut().insert(refusal);
    request
}
