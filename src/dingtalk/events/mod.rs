//! What DingTalk tells an app without being asked. Two ways lead here: it calls a server, or a server listens to it.

mod event; // What happened, in the shapes that it comes in.
mod cipher; // Over HTTP it comes signed and encrypted:
mod callback; // a call and its answer.
mod stream; // Over Stream it comes on a connection that the server opens.
mod reaction; // What an app does about it.

use std::future::Future;
use std::time::Duration;

pub use self::callback::{Call as CallbackCall, Callback, Heard};
pub use self::cipher::Cipher;
pub(super) use self::event::authorised_agent;
pub use self::event::{Event, Happening};
pub use self::reaction::Reaction;
pub(super) use self::stream::StreamLink;
pub use self::stream::{LONGEST_SILENCE, StreamState};

/// How long what was done about an event is remembered. DingTalk tells an event again until it is acknowledged, for hours ("Suite ticket
/// push events"), and does not say whether with the time of the first telling: so nothing older is heard, and of nothing younger is it
/// forgotten that it was heard.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Who is told of events.
pub trait Listener: Send + Sync + 'static {
    /// Whether all is done about the event, and kept. If not, DingTalk tells it again.
    fn hear(&self, event: Event) -> impl Future<Output = bool> + Send;
}
