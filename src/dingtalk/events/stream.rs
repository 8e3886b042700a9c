//! Stream: events over a WebSocket that the server opens, so that it needs no public address (DingTalk's own clients:
//! `dingtalk-stream`).

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Upgraded;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as Failure, Message};
use url::Url;

use super::super::{Call, DingTalk, Error, JsonObject, Kind, StreamTicket, is_loopback};
use super::event::{member, millis, unfolded};
use super::{Event, Happening, Listener};

type Socket = WebSocketStream<Upgraded>;

/// How long a connection may be silent before it counts as dead. With the interval between two checks, that is noticed within 80 seconds.
/// A live connection answers pings, of which three are sent in that time.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The state of the Stream connection. Without one, events wait at DingTalk, and people can still log in.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamState {
    /// Whether the connection is open.
    pub connected: bool,
    /// For how long that has been so.
    pub for_seconds: u64,
}

/// A message of DingTalk's. Its data is JSON within JSON.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    headers: JsonObject<Value>,
    #[serde(default)]
    data: Value,
}

/// After this many times the longest silence without an event, a connection is replaced, even if it answers pings: some connections that
/// were open for long have been seen to bring no events any more.
const SILENCES: u32 = 60;

/// How a connection ended.
enum Ended {
    /// DingTalk has announced that it closes it, or it has brought no event for too long.
    ToBeReplaced,
    /// Otherwise, for this reason.
    Lost(String),
}

fn lost(why: impl Display) -> Ended {
    Ended::Lost(why.to_string())
}

impl DingTalk {
    /// Receives events until the future is dropped. Must run in the runtime that carries the connections.
    pub async fn listen(&self, listener: &impl Listener, silence: Duration) {
        let note = |connected| *self.app.stream.lock() = Some((connected, self.app.api.clock.now()));
        note(false);
        let mut failures = 0;
        loop {
            let opening = async { self.app.api.transport.web_socket(Call::STREAM_HOST, self.stream_address().await?).await };
            match opening.await {
                Ok(socket) => {
                    tracing::info!("stream is open");
                    let opened = Instant::now();
                    note(true);
                    let Err(ended) = self.hear(socket, listener, silence).await;
                    note(false);
                    // A connection that lasted is not counted with the failures before it.
                    if opened.elapsed() >= LONGEST_PAUSE {
                        failures = 0;
                    }
                    // Such a connection is replaced at once, but not again and again.
                    let why = match ended {
                        Ended::ToBeReplaced if failures == 0 => {
                            failures = 1;
                            continue;
                        }
                        Ended::ToBeReplaced => "dingtalk closes it again".to_owned(),
                        Ended::Lost(why) => why,
                    };
                    tracing::warn!(error = why, "stream was lost: events wait until it is open again");
                }
                Err(error) => tracing::warn!(%error, fix = error.fix(), "stream cannot be opened: events wait until it is"),
            }
            sleep(pause(failures)).await;
            failures += 1;
        }
    }

    /// The address, with its ticket, at which DingTalk lets this app connect once.
    pub(in super::super) async fn stream_address(&self) -> Result<Url, Error> {
        #[derive(Deserialize)]
        struct Opened {
            endpoint: String,
            ticket: StreamTicket,
        }
        let app = &self.app;
        let body = json!({
            "clientId": app.credentials.client_id,
            "clientSecret": app.credentials.client_secret.expose(),
            "subscriptions": [{"type": "EVENT", "topic": "*"}],
            "ua": concat!("dingtalk-h5/", env!("CARGO_PKG_VERSION")),
        });
        let opened: Opened = app.api.send(&Call::STREAM.into(), None, &body).await?;
        let strange = || Error::new(Call::STREAM, Kind::Malformed, "an endpoint that is no address of a WebSocket over TLS");
        let mut url = http_url(&opened.endpoint, app.api.api_url.scheme() == "http").ok_or_else(strange)?;
        url.query_pairs_mut().append_pair("ticket", opened.ticket.expose());
        Ok(url)
    }

    /// Hears and answers until the connection ends.
    async fn hear(&self, mut socket: Socket, listener: &impl Listener, silence: Duration) -> Result<Infallible, Ended> {
        let mut last_message = Instant::now();
        let mut last_event = Instant::now();
        let mut ping = interval(silence / 3);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let said = tokio::select! {
                // Messages that have arrived are read before silence is judged: this task may not have run for a while.
                biased;
                message = socket.next() => {
                    let message = message.unwrap_or(Err(Failure::ConnectionClosed)).map_err(lost)?;
                    last_message = Instant::now();
                    self.answer(message, listener, &mut last_event).await?
                }
                _ = ping.tick() => {
                    if last_message.elapsed() >= silence {
                        return Err(lost("it was silent for too long"));
                    }
                    if last_event.elapsed() >= silence * SILENCES {
                        tracing::info!("no event came over stream for an hour: the connection is replaced, in case it brings none any more");
                        return Err(Ended::ToBeReplaced);
                    }
                    Some(Message::Ping(Vec::new().into()))
                }
            };
            if let Some(message) = said {
                let sent = timeout(silence / 3, socket.send(message)).await;
                sent.map_err(|_| lost("nothing more is taken"))?.map_err(lost)?;
            }
        }
    }

    async fn answer(
        &self,
        message: Message,
        listener: &impl Listener,
        last_event: &mut Instant,
    ) -> Result<Option<Message>, Ended> {
        let text = match message {
            Message::Text(text) => text,
            // The reason is not logged: it may be any text.
            Message::Close(close) => {
                let code = close.map_or(CloseCode::Status, |close| close.code);
                return Err(lost(format_args!("it was closed with {code}")));
            }
            // The library answers pings.
            _ => return Ok(None),
        };
        let Ok(frame) = serde_json::from_str::<Frame>(&text) else { return Ok(None) };
        match (frame.kind.as_str(), frame.header("topic").as_str()) {
            // The data of the ping is sent back.
            ("SYSTEM", "ping") => Ok(Some(frame.reply(frame.data.as_str().unwrap_or("{}")))),
            // DingTalk is about to close this connection.
            ("SYSTEM", "disconnect") => Err(Ended::ToBeReplaced),
            ("EVENT", _) => {
                *last_event = Instant::now();
                let kept = frame.event().tell(listener, &*self.app.api.observer).await;
                // Either the event is processed and stored, or DingTalk shall send it again.
                let status = if kept { "SUCCESS" } else { "LATER" };
                Ok(Some(frame.reply(&json!({"status": status, "message": ""}).to_string())))
            }
            _ => Ok(None),
        }
    }
}

impl Frame {
    fn event(&self) -> Event {
        let [name, corp_id, id, born] = ["eventType", "eventCorpId", "eventId", "eventBornTime"].map(|name| self.header(name));
        let what = Happening::read(&name, &corp_id, "", &unfolded(&self.data));
        // The event's id identifies it; without an id, its data does.
        let told = if id.is_empty() { self.data.to_string() } else { id };
        Event::new(&[&name, &corp_id, &told, &born], millis(&born), what)
    }

    fn reply(&self, data: &str) -> Message {
        let headers = json!({"messageId": self.header("messageId"), "contentType": "application/json"});
        json!({"code": 200, "headers": headers, "message": "OK", "data": data}).to_string().into()
    }

    fn header(&self, name: &str) -> String {
        member(&self.headers.0, &[name]).unwrap_or_default()
    }
}

/// The URL with which the WebSocket at `endpoint` is opened. It has to be one over TLS, unless the calls go over plain HTTP, too: to a
/// simulated DingTalk on this machine, since settings allow that nowhere else. Whoever answers in the place of the real one must not reach
/// this machine's own services.
fn http_url(endpoint: &str, is_plain: bool) -> Option<Url> {
    let mut url = Url::parse(endpoint).ok()?;
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" if is_plain && is_loopback(&url) => "http",
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    Some(url)
}

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Longer with each failure, up to a minute, and randomised, so that not all servers come back at the same time.
fn pause(failures: u32) -> Duration {
    let whole = Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE);
    whole.mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_opened_over_tls_or_like_the_calls_on_this_machine() {
        for (endpoint, with_tls, without) in [
            ("wss://stream.example.com/connect?a=b", true, true),
            ("wss://127.0.0.1:9/", true, true),
            ("ws://127.0.0.1:9/connect", false, true),
            ("ws://[::1]:9/", false, true),
            ("ws://stream.example.com/", false, false),
            ("http://127.0.0.1:9/", false, false),
            ("127.0.0.1:9", false, false),
        ] {
            assert_eq!(
                [http_url(endpoint, false).is_some(), http_url(endpoint, true).is_some()],
                [with_tls, without],
                "{endpoint}"
            );
        }
    }

    #[test]
    fn pauses_grow_to_a_minute_and_differ() {
        for failures in 0..40 {
            let whole = (1_u64 << failures.min(6)).min(60) as f64;
            let pause = pause(failures).as_secs_f64();
            assert!(pause >= whole / 2.0 && pause <= whole, "{failures}: {pause}");
        }
        assert_ne!(pause(9), pause(9));
    }
}
