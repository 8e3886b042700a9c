//! What DingTalk tells an app without being asked, and who is told of it here. Two ways lead here: it calls a server, or a server listens
//! to it.

mod event; // What happened, in the shapes that it comes in.
mod callback; // Over HTTP it comes signed and encrypted: a call and its answer.
mod stream; // Over Stream it comes on a connection that the server opens.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::callback::{Call as CallbackCall, Callback, Cipher, Heard};
pub(super) use self::event::authorised_agent;
pub use self::event::{Event, Happening};
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

/// By the strictest of its pages DingTalk waits 1.2 seconds for the answer to a call; over Stream each event waits for the one before.
const PATIENCE: Duration = Duration::from_secs(1);

type Reacting = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What an app does about events; by default nothing.
#[derive(Clone, Default)]
pub struct Reaction(Option<Arc<dyn Fn(Event) -> Reacting + Send + Sync>>);

impl Reaction {
    /// `react` is called with each event that DingTalk tells, and has a second for it. When it fails or takes longer, it is cut off at
    /// an `.await`, DingTalk is not answered with success and tells the event again, for hours.
    ///
    /// So the same event may come twice, even when it was done, and events come in any order: [`Event::at`] says when they happened. Each
    /// is told to one process. The error is logged.
    pub fn new<R, E>(react: impl Fn(Event) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        Self(Some(Arc::new(move |event| {
            let reacting = react(event);
            Box::pin(async move { reacting.await.map_err(|error| format!("{error:#}")) })
        })))
    }

    /// Whether there is anything to do.
    pub fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// Whether what there is to do about `event` is done.
    pub async fn is_done(&self, event: &Event) -> bool {
        let Some(react) = self.0.clone() else { return true };
        // In a task of its own, so that a panic is not the end of whoever listens. It is aborted with the set.
        let (mut task, told) = (JoinSet::new(), event.clone());
        task.spawn(async move { react(told).await });
        let why = match timeout(PATIENCE, task.join_next()).await {
            Ok(None | Some(Ok(Ok(())))) => return true,
            Ok(Some(Ok(Err(error)))) => error,
            Ok(Some(Err(_))) => "it panicked".to_owned(),
            Err(_) => format!("it took longer than {PATIENCE:?}"),
        };
        tracing::error!(event = event.what.logged(), error = why, "the app is not done with an event: DingTalk tells it again");
        false
    }
}
