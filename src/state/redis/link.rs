//! The connection to Redis: there or not, and nobody waits to find out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, Pipeline, RedisError};
use tokio::sync::watch;
use tokio::time::timeout;

use super::names::Names;

/// A question whose answer takes longer is given up, and so is the connection.
pub(super) const ANSWER: Duration = Duration::from_millis(300);

/// Redis is not there, or does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Away(pub String);

/// Whoever asks uses the one connection that the follower keeps up.
pub(super) struct Link {
    up: watch::Sender<Option<Session>>,
    /// Why it is away, as the log has it.
    why: Mutex<Option<Away>>,
    /// Why the last session was given up.
    given_up: Mutex<Option<Away>>,
    skew_told: AtomicBool,
    was_up: AtomicBool,
}

/// A connection that works, and the names that hold while it does.
#[derive(Clone)]
pub(super) struct Session {
    pub connection: MultiplexedConnection,
    pub names: Names,
    /// No two are the same.
    pub number: u64,
}

impl Link {
    /// Together with whatever it takes to come back after a cut, nobody's question takes longer.
    const PATIENCE: Duration = Duration::from_millis(450);

    pub fn new() -> Self {
        Self {
            up: watch::Sender::new(None),
            why: Mutex::new(None),
            given_up: Mutex::new(None),
            skew_told: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
        }
    }

    pub fn is_up(&self) -> bool {
        self.up.borrow().is_some()
    }

    /// Whether it ever was.
    pub fn was_up(&self) -> bool {
        self.was_up.load(Ordering::Relaxed)
    }

    /// Ends when it is up.
    pub async fn is_back(&self) {
        // The sender is this very link.
        drop(self.up.subscribe().wait_for(Option::is_some).await);
    }

    /// Asks, if it is up. A connection that breaks on it may have been broken for long, so it is asked once more on the next one: whatever
    /// is asked does no harm twice.
    pub async fn ask<T: FromRedisValue>(&self, question: impl Fn(&Names) -> Pipeline) -> Result<T, Away> {
        let asked = async {
            let session = self.session()?;
            match self.ask_in(&session, &question).await {
                Err(Broken::Cut) => {
                    self.is_back().await;
                    self.ask_in(&self.session()?, &question).await.map_err(Away::from)
                }
                answer => answer.map_err(Away::from),
            }
        };
        timeout(Self::PATIENCE, asked).await.unwrap_or_else(|_| Err(Away("it answers too late".to_owned())))
    }

    async fn ask_in<T: FromRedisValue>(&self, session: &Session, question: &impl Fn(&Names) -> Pipeline) -> Result<T, Broken> {
        let mut connection = session.connection.clone();
        let answer = timeout(ANSWER, question(&session.names).query_async(&mut connection)).await;
        answer.unwrap_or(Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))).map_err(|error| {
            let why = Away::of(&error);
            self.give_up(session.number, &why);
            if error.is_connection_dropped() { Broken::Cut } else { Broken::Other(why) }
        })
    }

    pub fn session(&self) -> Result<Session, Away> {
        self.up.borrow().clone().ok_or_else(|| Away("it is away".to_owned()))
    }

    /// From now on nobody is asked in this session.
    fn give_up(&self, number: u64, why: &Away) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
        self.up.send_if_modified(|up| up.take_if(|session| session.number == number).is_some());
    }

    pub fn set_up(&self, session: Session) {
        self.up.send_replace(Some(session));
        self.was_up.store(true, Ordering::Relaxed);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it was up until now.
    pub fn set_away(&self, why: &Away) -> bool {
        let was_up = self.up.send_replace(None).is_some();
        let mut known = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = known.as_ref() != Some(why);
        *known = Some(why.clone());
        was_up || is_news
    }

    /// Once.
    pub fn tells_skew(&self) -> bool {
        !self.skew_told.swap(true, Ordering::Relaxed)
    }

    /// Ends when somebody has given the present session up: why.
    pub async fn is_lost(&self) -> Away {
        drop(self.up.subscribe().wait_for(Option::is_none).await);
        let why = self.given_up.lock().unwrap_or_else(PoisonError::into_inner).take();
        why.unwrap_or_else(|| Away("a question was not answered".to_owned()))
    }
}

enum Broken {
    Cut,
    Other(Away),
}

impl From<Broken> for Away {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => Self("the connection was cut".to_owned()),
            Broken::Other(away) => away,
        }
    }
}

impl Away {
    /// What is wrong and what to do about it. The library's own texts may quote what they were given.
    pub fn of(error: &RedisError) -> Self {
        // By what the server says first, or what the library makes of that.
        const ANSWERS: [(&str, &str); 8] = [
            ("WRONGPASS", "it does not take the user name or password of STATE_URL"),
            ("NOAUTH", "it asks for a password, and STATE_URL has none"),
            ("ReadOnly", "it is a replica and takes no changes: STATE_URL must lead to the primary"),
            ("BusyLoading", "it is still loading its data"),
            ("OOM", "it is full: raise its maxmemory"),
            ("MISCONF", "it cannot save its data to disk, and takes no changes until it can"),
            ("NoPerm", "its access list does not let this user run what is needed"),
            ("unknown command", "it is older than 6.2"),
        ];
        let text = error.to_string();
        let known = ANSWERS.iter().find(|(answer, _)| text.contains(answer)).map(|(_, why)| *why);
        let why = known.unwrap_or(match error.kind() {
            ErrorKind::AuthenticationFailed => "it does not take the user name or password of STATE_URL",
            _ if error.is_timeout() => "it answers too late",
            ErrorKind::Io => "it cannot be reached, or the connection was cut",
            ErrorKind::Server(_) | ErrorKind::Extension => "it answers with an error",
            _ => "it answers what is not understood",
        });
        Self(why.to_owned())
    }
}

/// A new connection. Nothing that it asks goes without a bound.
pub(super) async fn connect(client: &Client) -> Result<MultiplexedConnection, Away> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(None);
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    match timeout(ANSWER, connecting).await {
        Ok(connection) => connection.map_err(|error| Away::of(&error)),
        Err(_) => Err(Away("it answers too late".to_owned())),
    }
}

/// One question of one command, for whoever sets a session up.
pub(super) async fn answer<T: FromRedisValue>(connection: &mut MultiplexedConnection, question: &Pipeline) -> Result<T, Away> {
    answers(connection, question).await.map(|(answer,)| answer)
}

/// The same with an answer to each of its commands.
pub(super) async fn answers<T: FromRedisValue>(connection: &mut MultiplexedConnection, question: &Pipeline) -> Result<T, Away> {
    match timeout(ANSWER, question.query_async(connection)).await {
        Ok(answer) => answer.map_err(|error| Away::of(&error)),
        Err(_) => Err(Away("it answers too late".to_owned())),
    }
}
