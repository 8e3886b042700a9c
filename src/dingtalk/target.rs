//! A call with its parameters. They belong to this one request: whatever counts, limits or names calls goes by the [`Call`], so that no
//! userid becomes a line of its own, a metric or a text in the log.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Call, Error, Kind};

/// Where one request goes: a call, and the parameters in its path and query. Made by [`Call::at`] and [`Call::query`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub(super) call: Call,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    flaw: Option<&'static str>,
}

impl Target {
    /// All but the unreserved characters (RFC 3986, section 2.3): whatever is in a value, none of it ends the part that it stands for.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    pub(super) fn new(call: Call, parameters: &[&str]) -> Self {
        let (mut left, mut flaw) = (parameters.iter(), None);
        let mut filled = |part: &str| {
            if !part.starts_with('{') {
                return part.to_owned();
            }
            let value = left.next().copied().unwrap_or_else(|| {
                flaw = Some("its path has more parameters than it was given");
                part
            });
            // Those mean another path, also when they are encoded (URL Standard, "double-dot URL path segment").
            if matches!(value, "" | "." | "..") {
                flaw = Some("a parameter of its path is empty or made of dots");
            }
            utf8_percent_encode(value, Self::ENCODED).to_string()
        };
        let path = call.path.split('/').map(&mut filled).collect::<Vec<_>>().join("/");
        if left.next().is_some() {
            flaw = Some("its path has fewer parameters than it was given");
        }
        Self { call, path, query: Vec::new(), flaw }
    }

    /// The same with one more parameter in its query.
    pub fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Whether it can be sent. What is at fault is named, and not what stands in it.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.flaw.map_or(Ok(()), |flaw| Err(Error::new(self.call, Kind::Unexpected, flaw)))
    }

    /// What it takes to keep it.
    pub(super) fn bytes(&self) -> usize {
        self.path.len() + self.query.iter().map(|(_, value)| value.len()).sum::<usize>()
    }
}

impl From<Call> for Target {
    fn from(call: Call) -> Self {
        Self::new(call, &[])
    }
}

impl From<&Call> for Target {
    fn from(call: &Call) -> Self {
        Self::from(*call)
    }
}
