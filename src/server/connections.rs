//! How many connections are open, and when to let go of them.
//!
//! The HTTP library limits the time that the first head of a connection may take, but not that of the next: whoever begins a second
//! request and never ends it could keep a connection for ever. So while many are open, an answer ends its connection, and no more than
//! those can be held that way. Who asks and does not read the answers is the system's to drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::capacity::Capacity;

/// Counts those that are open.
pub struct Connections {
    open: AtomicUsize,
    many: usize,
}

/// A connection, open until this is dropped.
pub struct Connection(Arc<Connections>);

impl Connections {
    /// None open yet. Half of the `capacity` may be kept open between requests; the other half serves whoever comes.
    pub fn within(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), many: capacity.connections() / 2 })
    }

    /// Somebody connected.
    pub fn one_more(self: &Arc<Self>) -> Connection {
        self.open.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::clone(self))
    }
}

impl Connection {
    /// Whether so many are open that none should be kept for another request.
    pub fn is_one_of_many(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) > self.0.many
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
