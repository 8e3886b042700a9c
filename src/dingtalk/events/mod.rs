//! The events that DingTalk sends to an app, and who receives them here. They come in one of two ways: DingTalk calls this server over
//! HTTP, or this server opens a connection to DingTalk (Stream).

mod event; // An event, in each form in which DingTalk sends it.
mod callback; // Over HTTP: a call and its answer, signed and encrypted.
mod stream; // Over Stream: a connection that the server opens.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::callback::{Callback, CallbackCall, Cipher, Heard};
pub(super) use self::event::authorised_agent;
pub use self::event::{Event, Happening};
pub use self::stream::{LONGEST_SILENCE, StreamState};
use super::Observer;

/// How long an event that was processed is remembered. DingTalk sends an event again until it is acknowledged, for hours ("Suite ticket
/// push events"), and does not say whether with the time of the first sending. So a message older than this is refused, and every younger
/// event that was processed is still remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Receives events.
pub trait Listener: Send + Sync + 'static {
    /// Processes an event. True when all is done and stored; if false, DingTalk sends the event again.
    fn hear(&self, event: Event) -> impl Future<Output = bool> + Send;
}

impl Event {
    /// Has `listener` process the event, and `observer` count it. True if it was processed and stored.
    pub async fn tell(self, listener: &impl Listener, observer: &dyn Observer) -> bool {
        let name = self.what.name();
        let kept = listener.hear(self).await;
        observer.heard(name, kept);
        kept
    }
}

/// How long a reaction may take. By the strictest page of its documentation, DingTalk waits 1.2 seconds for the answer to a call; over
/// Stream, each event waits for the one before.
const TIMEOUT: Duration = Duration::from_secs(1);

type Reacting = BoxFuture<'static, Result<(), String>>;

/// What an app does about events; by default nothing.
#[derive(Clone, Default)]
pub struct Reaction(Option<Arc<dyn Fn(Event) -> Reacting + Send + Sync>>);

impl Reaction {
    /// `react` is called with each event that DingTalk sends, and has a second for it. If it fails or takes longer, it is cancelled at an
    /// `.await`, the event is not acknowledged, and DingTalk sends it again, for hours.
    ///
    /// So the same event may come twice, even if it was processed, and events come in any order: [`Event::at`] says when they happened.
    /// Each event goes to one process. The error is logged.
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

    /// Whether the app reacts to events at all.
    pub fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// Runs the reaction to `event`: true if it succeeded, or if there is none.
    pub async fn is_done(&self, event: &Event) -> bool {
        let Some(react) = self.0.clone() else { return true };
        // In a task of its own, so that a panic does not end the task that receives events. Dropping the set aborts it.
        let mut task = JoinSet::new();
        let told = event.clone();
        task.spawn(async move { react(told).await });
        let why = match timeout(TIMEOUT, task.join_next()).await {
            Ok(None | Some(Ok(Ok(())))) => return true,
            Ok(Some(Ok(Err(error)))) => error,
            Ok(Some(Err(_))) => "it panicked".to_owned(),
            Err(_) => format!("it took longer than {TIMEOUT:?}"),
        };
        let corp_id = event.what.corp_id().map(tracing::field::display);
        tracing::error!(
            event = event.what.logged(),
            corp_id,
            error = why,
            "the app failed to react to an event: DingTalk sends it again"
        );
        false
    }
}
