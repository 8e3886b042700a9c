//! The simulated DingTalk as its callers meet it: through a socket.

mod caller;
mod crowd;
mod stream;
mod kinds;
mod limits;
mod signed;
