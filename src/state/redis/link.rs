//! The connection to Redis. Whether it is up is known at once, without waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::Names;

/// How long an answer may take. After that the command has failed, and its connection is given up.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

/// Why Redis cannot be used: it is away, or does not do what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::state) struct Away(pub &'static str);

/// The one connection that all requests of this process use. The follower keeps it up.
pub(in crate::state) struct Link {
    session: watch::Sender<Result<Arc<Session>, Lost>>,
    was_up: AtomicBool,
    began: Instant,
}

/// Why there is no session, and since when.
#[derive(Clone, Copy)]
struct Lost {
    why: Away,
    since: Instant,
}

/// A connection that works, and the names that hold while it does.
pub(in crate::state) struct Session {
    pub connection: MultiplexedConnection,
    pub names: Names,
    /// When Redis came back, if this process may have called DingTalk without it meanwhile. None in the first session, unless the process
    /// had started without Redis.
    pub back_since: Option<Instant>,
}

impl Link {
    /// No command takes longer, even if the connection is cut and set up again meanwhile.
    pub(super) const TIMEOUT: Duration = Duration::from_millis(450);

    /// How long a process waits for Redis at its start, at most.
    const BEGINS_WITHIN: Duration = Duration::from_secs(2);

    pub fn new() -> Self {
        let began = Instant::now();
        let away = Err(Lost { why: Away("it is away"), since: began });
        Self { session: watch::Sender::new(away), was_up: AtomicBool::new(false), began }
    }

    /// Whether the connection is up, and all that was published before has been read.
    pub fn is_up(&self) -> bool {
        self.session.borrow().is_ok()
    }

    /// Whether the connection was ever up.
    pub fn was_up(&self) -> bool {
        self.was_up.load(Ordering::Relaxed)
    }

    /// Whether the connection was ever up, or is no longer waited for at the start.
    pub fn has_begun(&self) -> bool {
        self.was_up() || self.began.elapsed() >= Self::BEGINS_WITHIN
    }

    /// Waits for [`Link::has_begun`].
    pub async fn begins(&self) {
        if !self.has_begun() {
            drop(timeout_at(self.began + Self::BEGINS_WITHIN, self.until_up()).await);
        }
    }

    /// Waits until the connection is up.
    pub async fn until_up(&self) {
        // The sender is this very link.
        drop(self.session.subscribe().wait_for(Result::is_ok).await);
    }

    /// Waits for the connection to come back, until `deadline`, or until it has been away for so long that nobody waits any more. Returns
    /// whether it is back. This is for callers that can do without Redis, but would rather agree with the other processes.
    pub(super) async fn is_back_by(&self, deadline: Instant) -> bool {
        let lost = self.session.borrow().as_ref().err().map(|lost| lost.since + Self::TIMEOUT);
        let deadline = lost.map_or(deadline, |until| until.min(deadline));
        self.was_up() && Instant::now() < deadline && timeout_at(deadline, self.until_up()).await.is_ok()
    }

    /// Sends a command, if the connection is up. If it breaks or no answer comes, it may have been dead for long, so the command is sent
    /// once more on the next connection: no command does harm if it is sent twice.
    pub async fn ask<T: FromRedisValue>(&self, question: impl Fn(&Names) -> Cmd) -> Result<T, Away> {
        let asked = async {
            match self.ask_now(&question).await? {
                Err(error) if error.is_connection_dropped() || error.is_timeout() => {
                    self.until_up().await;
                    self.ask_now(&question).await?
                }
                answer => answer,
            }
            .map_err(|error| Away::of(&error))
        };
        timeout(Self::TIMEOUT, asked).await.unwrap_or(Err(Away::LATE))
    }

    async fn ask_now<T: FromRedisValue>(&self, question: &impl Fn(&Names) -> Cmd) -> Result<Result<T, RedisError>, Away> {
        let session = self.session()?;
        let asked = Instant::now();
        let answer = timeout(ANSWER_TIMEOUT, question(&session.names).query_async(&mut session.connection.clone())).await;
        let answer = answer.unwrap_or(Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))));
        Ok(answer.inspect_err(|error| self.give_up(&session, Lost { why: Away::of(error), since: asked })))
    }

    pub fn session(&self) -> Result<Arc<Session>, Away> {
        self.session.borrow().clone().map_err(|lost| lost.why)
    }

    /// From now on no command is sent in this session.
    fn give_up(&self, given_up: &Arc<Session>, lost: Lost) {
        self.session.send_if_modified(|session| {
            let is_this = session.as_ref().is_ok_and(|session| Arc::ptr_eq(session, given_up));
            if is_this {
                *session = Err(lost);
            }
            is_this
        });
    }

    /// From now on commands are sent in this session, and before anybody can send one, `first` is called.
    pub(super) fn set_up(&self, connection: MultiplexedConnection, names: Names, first: impl FnOnce()) -> Arc<Session> {
        let back_since = self.has_begun().then(Instant::now);
        self.was_up.store(true, Ordering::Relaxed);
        let session = Arc::new(Session { connection, names, back_since });
        self.session.send_modify(|known| {
            *known = Ok(Arc::clone(&session));
            first();
        });
        session
    }

    pub fn set_away(&self, why: Away) {
        self.session.send_modify(|session| {
            let since = session.as_ref().err().map_or_else(Instant::now, |lost| lost.since);
            *session = Err(Lost { why, since });
        });
    }

    /// Waits until the present session is given up. Returns why it was.
    pub async fn until_lost(&self) -> Away {
        let mut session = self.session.subscribe();
        let lost = session.wait_for(Result::is_err).await;
        lost.ok().and_then(|lost| Some(lost.as_ref().err()?.why)).unwrap_or(Away("a question was not answered"))
    }
}

impl Away {
    const LOGIN: &str = "it does not take the user name or password of STATE_URL";
    const REPLICA: &str = "it is a replica and takes no changes: STATE_URL must lead to the primary";
    const NOT_ALLOWED: &str = "its access list does not let this user run what is needed";
    const CERTIFICATE: &str =
        "its certificate has expired, is another host's or an authority's, or is not trusted on this machine: see SSL_CERT_FILE";
    pub const LATE: Self = Self("it answers too late");
    /// What had been published under that key is lost.
    pub const JUNK: Self = Self("a value of another type lies under one of this app's keys");
    const NO_COMMAND: &str = "it is older than 6.2, or a command that is needed is switched off";
    const NODE: &str = "it is a node of a cluster, and the others are not followed: STATE_URL must lead to a server of its own";

    /// What is wrong and what to do about it. The library's own texts are not used: they may quote what they were given.
    pub fn of(error: &RedisError) -> Self {
        // Each is a part of what the server says, or of what the library makes of that.
        const ANSWERS: &[(&str, &str)] = &[
            ("WRONGPASS", Away::LOGIN),
            ("NOAUTH", "it asks for a password, and STATE_URL has none"),
            ("ReadOnly", Away::REPLICA),
            // Servers before 7.0 report it as an error of the script.
            ("READONLY", Away::REPLICA),
            // It says this to a read that is waiting when it becomes a replica.
            ("UNBLOCKED", Away::REPLICA),
            ("MasterDown", Away::REPLICA),
            ("NOREPLICAS", "it has fewer replicas than its min-replicas-to-write, and takes no changes"),
            ("BusyLoading", "it is still loading its data"),
            ("OOM", "it is full: raise its maxmemory"),
            ("MISCONF", "it cannot save its data to disk, and takes no changes until it can"),
            ("NoPerm", Away::NOT_ALLOWED),
            ("executing the script can't run this command", Away::NOT_ALLOWED),
            ("can't access at least one of the keys", Away::NOT_ALLOWED),
            ("ACL failure in script", Away::NOT_ALLOWED),
            ("Moved", Away::NODE),
            ("ClusterDown", Away::NODE),
            ("in cluster mode", Away::NODE),
            ("WRONGTYPE", Away::JUNK.0),
            ("invalid peer certificate", Away::CERTIFICATE),
            ("busy running a script", "a script of somebody else's keeps it busy"),
            ("DB index is out of range", "it has no database of the number in STATE_URL"),
            ("max number of clients", "it has as many clients as its maxclients allows"),
            ("failed to lookup address", "the name in STATE_URL is not found, or no name server answers"),
            ("unknown command", Away::NO_COMMAND),
            ("Unknown Redis command", Away::NO_COMMAND),
            ("Unknown command called", Away::NO_COMMAND),
            (
                "CertificateRequired",
                "it asks for a client's certificate, which this app has none of: set its tls-auth-clients to no",
            ),
        ];
        let text = error.to_string();
        let known = ANSWERS.iter().find(|(answer, _)| text.contains(answer)).map(|(_, why)| *why);
        Self(known.unwrap_or(match error.kind() {
            ErrorKind::AuthenticationFailed => Self::LOGIN,
            _ if error.is_timeout() => Self::LATE.0,
            ErrorKind::Io => "it cannot be reached, or the connection was cut",
            ErrorKind::Server(_) | ErrorKind::Extension => "it answers with an error",
            _ => "it answers what is not understood",
        }))
    }
}

/// A new connection. The library does not limit how long it waits for answers: callers do.
pub(in crate::state) async fn connect(url: &SecretString) -> Result<MultiplexedConnection, Away> {
    // Small commands must not wait for the answers to earlier ones.
    let tcp = TcpSettings::default().set_nodelay(true);
    let info = url.expose_secret().into_connection_info().map(|info| info.set_tcp_settings(tcp));
    let client = info.and_then(Client::open).map_err(|error| Away::of(&error))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER_TIMEOUT)).set_response_timeout(None);
    in_time(ANSWER_TIMEOUT, client.get_multiplexed_async_connection_with_config(&config)).await
}

/// Sends one command on a connection of the caller's own, and waits for its answer.
pub(in crate::state) async fn answer<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    question: &Cmd,
) -> Result<T, Away> {
    in_time(ANSWER_TIMEOUT, question.query_async(connection)).await
}

/// The answer, or an error if it does not come `within` this time.
pub(super) async fn in_time<T>(within: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Away> {
    let answer = timeout(within, answer).await.map_err(|_| Away::LATE)?;
    answer.map_err(|error| Away::of(&error))
}

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    #[test]
    fn a_server_that_cannot_do_what_is_needed_is_named_by_what_it_says() {
        for (said, why) in [
            ("-READONLY You can't write against a read only replica.\r\n", Away::REPLICA),
            ("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n", Away::REPLICA),
            (
                "-ERR Error running script (call to f_1): @user_script:5: @user_script: 5: -READONLY You can't write against a read only \
                 replica.\r\n",
                Away::REPLICA,
            ),
            (
                "-ERR Error running script (call to f_1): @user_script:2: The user executing the script can't run this command or \
                 subcommand\r\n",
                Away::NOT_ALLOWED,
            ),
            ("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", Away::REPLICA),
            (
                "-NOREPLICAS Not enough good replicas to write.\r\n",
                "it has fewer replicas than its min-replicas-to-write, and takes no changes",
            ),
            ("-MOVED 3999 127.0.0.1:6381\r\n", Away::NODE),
            (
                "-BUSY Redis is busy running a script. You can only call SCRIPT KILL.\r\n",
                "a script of somebody else's keeps it busy",
            ),
            ("-ERR ACL failure in script: User app has no permissions to run the 'xadd' command\r\n", Away::NOT_ALLOWED),
            (
                "-ERR Error running script (call to f_1): @user_script:5: The user executing the script can't access at least one of the \
                 keys mentioned in the command arguments\r\n",
                Away::NOT_ALLOWED,
            ),
            ("-ERR Unknown Redis command called from script script: 1, on @user_script:5.\r\n", Away::NO_COMMAND),
            ("-ERR Unknown command called from script script: 1, on @user_script:5.\r\n", Away::NO_COMMAND),
            ("-CLUSTERDOWN Hash slot not served\r\n", Away::NODE),
            ("-ERR SELECT is not allowed in cluster mode\r\n", Away::NODE),
            ("-ERR DB index is out of range\r\n", "it has no database of the number in STATE_URL"),
            ("-ERR max number of clients reached\r\n", "it has as many clients as its maxclients allows"),
        ] {
            let refused = parse_redis_value(said.as_bytes()).and_then(Value::extract_error);
            assert_eq!(Away::of(&refused.unwrap_err()).0, why, "{said}");
        }
    }
}
