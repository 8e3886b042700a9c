//! How many connections are open, and when to let go of them.
//!
//! The HTTP library limits the time that the first head of a connection may take, but not that of the next: whoever begins a second
//! request and never ends it could keep a connection for ever. So while many are open, an answer ends its connection, and no more than
//! those can be held that way. Who asks and does not read the answers is the system's to drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts connections.
#[derive(Debug)]
pub struct Connections {
    open: Arc<AtomicUsize>,
    many: usize,
}

/// A connection, open until this is dropped.
pub struct Open(Arc<AtomicUsize>);

impl Connections {
    /// None open yet. Of the `capacity` half may be kept open between requests; the other half serves whoever comes.
    pub fn new(capacity: usize) -> Self {
        Self {
            open: Arc::default(),
            many: capacity / 2,
        }
    }

    /// Counts one more.
    pub fn enter(&self) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.open))
    }

    /// Whether none should be kept open for another request.
    pub fn are_many(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.many
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
