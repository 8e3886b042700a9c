//! The extractors of handlers: data that all requests share, values made from the request, and its body, whose size and time are
//! limited.

use std::io::ErrorKind;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Problem;
use crate::dingtalk::JsonObject;

/// The `T` that all requests share, as registered in `application.rs`. A handler takes `Data<T>` instead.
pub fn shared<T: 'static>(request: &HttpRequest) -> Result<&Data<T>, Problem> {
    let missing = || Problem::Internal(format!("the server was built without {}", std::any::type_name::<T>()).into());
    request.app_data::<Data<T>>().ok_or_else(missing)
}

/// Makes a type an extractor: `$of`, which is async, makes its value from the request. Extractors run in the order of the handler's
/// parameters. If one refuses the request at once, those behind it do not run: so a refused request does not count as a use of the session.
/// One that takes time, such as a body, is not waited for.
macro_rules! extracted {
    ($kind:ty, $of:expr) => {
        impl actix_web::FromRequest for $kind {
            type Error = $crate::web::Problem;
            type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

            fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { ($of)(&request).await })
            }
        }
    };
}
pub(super) use extracted;

/// How long to wait for the next part of a body: enough for a phone on a bad network, and an end for clients that only hold a connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The media type that the sender states, once: in lower case and without parameters, such as `image/png`.
fn content_type(request: &HttpRequest) -> Result<String, Problem> {
    let said_once = request.headers().get_all(CONTENT_TYPE).count() == 1;
    let said = said_once.then(|| request.content_type().to_ascii_lowercase());
    said.filter(|said| !said.is_empty()).ok_or(Problem::UnsupportedMediaType)
}

/// A whole body of any type, `MAX_BYTES` at most: a longer one is 413, one without Content-Type is 415. It is 408 if
/// nothing of it arrives for ten seconds, or if 32 KiB take longer than `src/server` allows.
pub struct Upload<const MAX_BYTES: usize> {
    /// The media type that the sender states: in lower case and without parameters, such as `image/png`. The bytes are not checked for it.
    pub content_type: String,
    /// The whole body.
    pub bytes: Bytes,
}

impl<const MAX_BYTES: usize> FromRequest for Upload<MAX_BYTES> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // `src/server` has checked Content-Length; there is none with chunks.
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let content_type = content_type(request);
        let mut payload = payload.take();
        Box::pin(async move {
            let content_type = content_type?;
            if length.is_some_and(|length| length > MAX_BYTES) {
                return Err(Problem::PayloadTooLarge);
            }
            let mut body = BytesMut::new();
            while let Some(part) = timeout(BODY_TIMEOUT, payload.next()).await.map_err(|_| Problem::RequestTimeout)? {
                let part = part.map_err(|error| match error {
                    // `src/server` reports a client that is too slow.
                    PayloadError::Io(error) if error.kind() == ErrorKind::TimedOut => Problem::RequestTimeout,
                    _ => Problem::BadRequest("the body cannot be read".into()),
                })?;
                if body.len() + part.len() > MAX_BYTES {
                    return Err(Problem::PayloadTooLarge);
                }
                body.extend_from_slice(&part);
            }
            Ok(Self { content_type, bytes: body.freeze() })
        })
    }
}

/// A body that is a JSON object, `MAX_BYTES` at most (4 KiB by default). All of it must arrive within ten seconds.
pub struct StrictJson<T, const MAX_BYTES: usize = 4096>(pub T);

impl<T: DeserializeOwned + 'static, const MAX_BYTES: usize> FromRequest for StrictJson<T, MAX_BYTES> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // A body of another type is not taken, so that an extractor after this one can read it.
        let is_json = content_type(request).is_ok_and(|said| said == "application/json");
        let upload = is_json.then(|| Upload::<MAX_BYTES>::from_request(request, payload));
        Box::pin(async move {
            let upload = timeout(BODY_TIMEOUT, upload.ok_or(Problem::UnsupportedMediaType)?);
            let Upload { bytes, .. } = upload.await.map_err(|_| Problem::RequestTimeout)??;
            let parsed = serde_json::from_slice(&bytes).map(|JsonObject(body)| Self(body));
            // serde's message may quote the body, which may hold an authCode.
            parsed.map_err(|_| Problem::BadRequest("the body is not what this route takes".into()))
        })
    }
}
