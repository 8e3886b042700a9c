//! The simulated DingTalk as its callers meet it: through a socket.

mod caller;
mod limits;
