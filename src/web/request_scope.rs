//! What belongs to one request and its answer.

/// What identifies one request, and the one-time word that lets its page run scripts.
#[derive(Debug, Clone)]
pub struct RequestScope {
    /// In the log line, the `X-Request-Id` header and every problem. Ours, never the client's: a log line cannot be forged by it.
    pub id: String,
    /// For the content security policy.
    pub nonce: String,
}

impl RequestScope {
    /// Another one for each request.
    pub fn random() -> Self {
        Self {
            id: hex::encode(rand::random::<[u8; 8]>()),
            nonce: hex::encode(rand::random::<[u8; 16]>()),
        }
    }
}
