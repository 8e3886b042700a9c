//! What belongs to one request and its answer.

use actix_web::{HttpMessage, HttpRequest};

use super::error::Problem;
use super::language::Language;

/// What identifies one request, and what its answer needs wherever it is made.
#[derive(Debug, Clone)]
pub struct RequestScope {
    /// In the log line, the `X-Request-Id` header and every problem. Ours, never the client's: a log line cannot be forged by it.
    pub id: String,
    /// The one-time word that lets the answer's page run scripts.
    pub nonce: String,
    /// What the answer is written in.
    pub language: Language,
}

impl RequestScope {
    /// Another one for each request.
    pub fn begin(request: &impl HttpMessage) -> Self {
        Self {
            id: hex::encode(rand::random::<[u8; 8]>()),
            nonce: hex::encode(rand::random::<[u8; 16]>()),
            language: Language::asked_for_by(request),
        }
    }

    /// The one that the boundary has begun for `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let scope = request.extensions().get::<Self>().cloned();
        scope.ok_or_else(|| Problem::Internal("the request did not pass the boundary".into()))
    }
}
