//! What is different from one scene to the next.

use serde_json::{Value, json};

use super::container::Ready;

#[derive(Clone)]
pub struct Plan {
    pub name: &'static str,
    /// The library's version.
    pub version: &'static str,
    pub ready: Ready,
    /// What the client shall do about a method, as in `{"config": "refuse"}`.
    pub wishes: Value,
    pub loading: Loading,
    pub path: &'static str,
}

/// What becomes of the library's script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    Normal,
    /// The CDN answers 404.
    Missing,
    /// An AMD loader takes it.
    Amd,
}

impl Plan {
    /// Everything as it should be.
    pub fn normal(name: &'static str, version: &'static str) -> Self {
        Self { name, version, ready: Ready::AtOnce, wishes: json!({}), loading: Loading::Normal, path: "/" }
    }

    pub fn ready(self, ready: Ready) -> Self {
        Self { ready, ..self }
    }

    pub fn wishing(self, about: &str, what: &str) -> Self {
        Self { wishes: json!({about: what}), ..self }
    }

    pub fn loading(self, loading: Loading) -> Self {
        Self { loading, ..self }
    }

    pub fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}
