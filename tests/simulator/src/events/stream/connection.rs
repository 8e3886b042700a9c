//! One Stream connection, from its opening to its end.

use std::collections::HashMap;
use std::time::Duration;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError, Session};
use serde_json::json;
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::frame::{Frame, Reply};
use super::{Command, StreamFault};
use crate::secret;

/// How long an app has to close the connection after it was told to.
const NOTICE: Duration = Duration::from_secs(10);
/// A frozen connection ends after this time, when nobody can be waiting any more.
const WINTER: Duration = Duration::from_secs(10 * 60);

type Answered = oneshot::Sender<Result<(), String>>;

/// A connection that is open.
pub struct Connection {
    id: String,
    session: Session,
    messages: AggregatedMessageStream,
    /// Events that were sent and not answered.
    pending: HashMap<String, Answered>,
}

/// The connection has ended.
struct Over;

impl Connection {
    pub fn new(session: Session, messages: AggregatedMessageStream) -> Self {
        Self { id: secret::hex32(), session, messages, pending: HashMap::new() }
    }

    /// Runs until either side ends the connection. A connection that is dropped ends without a close message.
    pub async fn run(mut self, mut told: UnboundedReceiver<Command>) {
        loop {
            let over = select! {
                Some(command) = told.recv() => self.obey(command, &mut told).await,
                message = self.messages.recv() => self.hear(message).await,
            };
            if over.is_err() {
                return;
            }
        }
    }

    async fn obey(&mut self, command: Command, told: &mut UnboundedReceiver<Command>) -> Result<(), Over> {
        match command {
            Command::Push(frame, answered) => {
                self.say(&frame).await?;
                // Forget the events whose push has timed out: an answer would be too late.
                self.pending.retain(|_, answered| !answered.is_closed());
                self.pending.insert(frame.message_id, answered);
                Ok(())
            }
            Command::Fault(StreamFault::Ping) => self.say(&Frame::system("ping", json!({"opaque": secret::hex32()}))).await,
            Command::Fault(StreamFault::Disconnect) => {
                self.say(&Frame::system("disconnect", json!({"reason": "simulated"}))).await?;
                self.see_off().await
            }
            Command::Fault(StreamFault::Lose) => Err(Over),
            Command::Fault(StreamFault::Freeze) => {
                // Nothing is read, not even that the other side hangs up. Pushes are stored until they time out: one that is dropped
                // fails at once, and its event would be pushed again.
                let mut unheard = Vec::new();
                let lost = async {
                    loop {
                        match told.recv().await {
                            Some(Command::Fault(StreamFault::Lose)) | None => break,
                            Some(command) => unheard.push(command),
                        }
                    }
                };
                drop(timeout(WINTER, lost).await);
                Err(Over)
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Result<(), Over> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => {
                self.take_reply(&text);
                Ok(())
            }
            Some(Ok(AggregatedMessage::Ping(data))) => self.session.pong(&data).await.map_err(|_| Over),
            Some(Ok(AggregatedMessage::Binary(_) | AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Close(reason))) => {
                // If this fails, the other side has gone already.
                let _ = self.session.clone().close(reason).await;
                Err(Over)
            }
            Some(Err(_)) | None => Err(Over),
        }
    }

    /// Passes the app's answer on to the push that waits for it. Any other answer is ignored.
    fn take_reply(&mut self, text: &str) {
        let Ok(reply) = serde_json::from_str::<Reply>(text) else { return };
        if let Some(answered) = self.pending.remove(reply.message_id()) {
            // This fails if the push has timed out.
            let _ = answered.send(reply.verdict());
        }
    }

    /// Still takes answers until the other side leaves, or its time to leave is over.
    async fn see_off(&mut self) -> Result<(), Over> {
        let deadline = sleep(NOTICE);
        tokio::pin!(deadline);
        loop {
            select! {
                () = &mut deadline => {
                    let _ = self.session.clone().close(None).await;
                    return Err(Over);
                }
                message = self.messages.recv() => self.hear(message).await?,
            }
        }
    }

    async fn say(&mut self, frame: &Frame) -> Result<(), Over> {
        self.session.text(frame.text(&self.id)).await.map_err(|_| Over)
    }
}
