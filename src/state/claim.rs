//! What a login uses up: its authCode and its state. It claims them in this process first and then among all, so that no other login
//! uses them meanwhile.

use std::collections::HashSet;
use std::iter::once;
use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;

use super::State;
use super::journal::{Journal, Record, Table, json};
use super::redis::{Names, Redis, script};
use super::remembered::Seen;
use crate::dingtalk::Clock;

/// DingTalk forgets an authCode after five minutes ("Obtain the userid of a user by using the authorization code").
pub(super) const CODE_LIVES: Duration = Duration::from_secs(5 * 60);

/// How long a login state can be good: ten minutes until it is posted, and as many in the line.
pub const LOGIN_STATE_LIVES: Duration = Duration::from_secs(20 * 60);

/// An authCode, by its fingerprint.
pub type CodeId = [u8; 32];

/// Tells login states apart.
pub type LoginStateId = [u8; 8];

/// What the logins of this process are using, and what was used: remembered until it would have expired.
pub(super) struct Claims {
    codes_in_use: HashSet<CodeId>,
    states_in_use: HashSet<LoginStateId>,
    codes: Seen<CodeId>,
    states: Seen<LoginStateId>,
    /// The exchanges in which a login kept its place in the line: two for each state.
    exchanges: Seen<(LoginStateId, u8)>,
}

impl Claims {
    /// Takes what was `found` at the start. Sessions live for `lifetime` at most.
    pub fn new(lifetime: Duration, found: &mut Vec<Record>, clock: &Clock, journal: &Journal) -> Self {
        Self {
            codes_in_use: HashSet::new(),
            states_in_use: HashSet::new(),
            codes: Seen::new(Table::Codes, lifetime, found, clock, journal),
            states: Seen::new(Table::LoginStates, lifetime, found, clock, journal),
            exchanges: Seen::new(Table::Exchanges, lifetime, found, clock, journal),
        }
    }

    /// Takes both within this process. Returns the numbers of the exchanges that are left.
    fn take(&mut self, code: CodeId, state: LoginStateId) -> Result<Vec<u8>, Unavailable> {
        if self.codes_in_use.contains(&code) {
            return Err(Unavailable::UnderWay);
        }
        if self.codes.get(&code).is_some() {
            return Err(Unavailable::CodeUsed);
        }
        if self.states_in_use.contains(&state) {
            return Err(Unavailable::UnderWay);
        }
        if self.states.get(&state).is_some() {
            return Err(Unavailable::StateUsed);
        }
        self.codes_in_use.insert(code);
        self.states_in_use.insert(state);
        Ok(EXCHANGES.into_iter().filter(|nth| self.exchanges.get(&(state, *nth)).is_none()).collect())
    }
}

/// A login keeps its place in the line for one exchange, and for one more with a fresh authCode.
const EXCHANGES: [u8; 2] = [0, 1];

/// The names of what a login may use up: its authCode, its state, and its exchanges.
fn names_of(code: CodeId, state: LoginStateId) -> [String; 4] {
    let [first, second] = EXCHANGES.map(|nth| Table::Exchanges.thing(&json(&(state, nth))));
    [Table::Codes.thing(&json(&code)), Table::LoginStates.thing(&json(&state)), first, second]
}

/// Why a login cannot go on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// Another login is using the same authCode or the same state at this moment.
    UnderWay,
    /// The authCode was used.
    CodeUsed,
    /// The state was used.
    StateUsed,
}

/// The authCode and the state of one login. When this is dropped, what was not used is free again.
pub struct Claim<'a> {
    store: &'a State,
    code: CodeId,
    state: LoginStateId,
    /// Which of its exchanges this is; None if it has had all of them.
    exchange: Option<u8>,
    /// The Redis in which the things are taken, and for whom. None if there is none, it is away, or it has refused.
    taken_in: Option<(Arc<Redis>, String)>,
}

/// A thing that a login takes in Redis.
struct Wanted {
    name: String,
    /// It is free again after this time at the latest.
    life: Duration,
    /// It is also free again when the process that took it has ended.
    ends_with_process: bool,
}

impl State {
    /// Claims both for a login, among all processes. While Redis is away, they are claimed within this process only.
    pub async fn claim(&self, code: CodeId, state: LoginStateId) -> Result<Claim<'_>, Unavailable> {
        let exchanges = self.claims.lock().take(code, state)?;
        let mut claim = Claim { store: self, code, state, exchange: exchanges.first().copied(), taken_in: None };
        let Some(redis) = self.redis.as_ref().filter(|redis| redis.link.is_up()) else { return Ok(claim) };
        let owner = redis.owner();
        claim.taken_in = Some((Arc::clone(redis), owner.clone()));
        let [code_name, state_name, exchange_names @ ..] = names_of(code, state);
        let of_login = |name| Wanted { name, life: Claim::LOGIN, ends_with_process: true };
        // DingTalk may accept the code until five minutes after it was sent, even if the process that sent it has died.
        let code = Wanted { name: code_name, life: CODE_LIVES + Claim::LOGIN, ends_with_process: false };
        let mut wanted = vec![code, of_login(state_name)];
        let needed = wanted.len();
        let left = EXCHANGES.into_iter().zip(exchange_names).filter(|(nth, _)| exchanges.contains(nth));
        wanted.extend(left.map(|(_, name)| of_login(name)));
        let question = |names: &Names| {
            let keys: Vec<_> = once(names.processes()).chain(wanted.iter().map(|thing| names.key(&thing.name))).collect();
            let lives: Vec<_> = wanted.iter().map(|thing| (thing.life.as_millis() as u64, thing.ends_with_process)).collect();
            script(TAKE, &["zset", "string"], &keys, (&owner, needed, lives))
        };
        match redis.link.ask(question).await {
            // Lua counts from 1. The exchanges come behind what is needed.
            Ok((0, nth)) => {
                claim.exchange = usize::checked_sub(nth, needed + 1).and_then(|nth| exchanges.get(nth).copied());
                Ok(claim)
            }
            Ok((refused, _)) => {
                claim.taken_in = None;
                Err(match refused {
                    1 => Unavailable::CodeUsed,
                    2 => Unavailable::StateUsed,
                    _ => Unavailable::UnderWay,
                })
            }
            // Redis may have taken the things although its answer was lost: they are given back like all others.
            Err(_) => Ok(claim),
        }
    }

    /// Whether a login with this state has succeeded.
    pub fn was_used(&self, state: &LoginStateId) -> bool {
        self.claims.lock().states.get(state).is_some()
    }
}

impl Claim<'_> {
    /// How long a login can take: it waits for its turn, and then five seconds for DingTalk, twice at most. If its process hangs, the state
    /// is free again after this time.
    const LOGIN: Duration = Duration::from_secs(40);
    /// How long giving things back is tried. By then the login is over, and nobody asks for its things again.
    const MATTERS: Duration = Duration::from_secs(60);

    /// Whether the login may keep its place in the line.
    pub fn keeps_place(&self) -> bool {
        self.exchange.is_some()
    }

    /// The authCode is being sent: it and the exchange are used now, whatever DingTalk answers, and even if the browser disconnects.
    pub fn code_sent(&self) {
        let mut claims = self.store.claims.lock();
        claims.codes.insert(self.code, ());
        if let Some(nth) = self.exchange {
            claims.exchanges.insert((self.state, nth), ());
        }
    }

    /// The authCode was not sent, or nothing has looked at it: it and the exchange are free again.
    pub fn code_unused(&self) {
        let mut claims = self.store.claims.lock();
        claims.codes.remove(&self.code);
        if let Some(nth) = self.exchange {
            claims.exchanges.remove(&(self.state, nth));
        }
    }

    /// The login has succeeded: its state is used now.
    pub fn succeeded(&self) {
        self.store.claims.lock().states.insert(self.state, ());
    }

    /// Stores in Redis what was used, for all processes to know. If Redis is away, that happens in the background when it is back. An
    /// authCode or a state that was taken while it was away is not stored: DingTalk takes a code once, and the browser no longer has its
    /// state.
    pub async fn conclude(mut self) {
        if let Some((redis, settling)) = self.settled() {
            redis.send_or_retry_in_background(Self::MATTERS, settling).await;
            // Until then, dropping this sends it in the background: the browser may disconnect meanwhile.
            self.taken_in = None;
        }
    }

    /// What is to be said to Redis in the end, if anything was taken there. To say it twice does no harm.
    fn settled(&self) -> Option<(Arc<Redis>, impl Fn(&Names) -> Cmd + Send + Sync + 'static)> {
        let (redis, owner) = self.taken_in.clone()?;
        let Claims { codes, states, exchanges, .. } = &*self.store.claims.lock();
        let exchange = |nth| exchanges.get(&(self.state, nth)).map(|()| exchanges.kept_for);
        let code = codes.get(&self.code).map(|()| codes.kept_for);
        let state = states.get(&self.state).map(|()| states.kept_for);
        let [first, second] = EXCHANGES.map(exchange);
        let used_for = [code, state, first, second].map(Option::unwrap_or_default);
        let things: Vec<_> = names_of(self.code, self.state).into_iter().zip(used_for).collect();
        Some((redis, move |names: &Names| settling(names, &owner, &things)))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // The browser may have disconnected in the middle of the login.
        if let Some((redis, settling)) = self.settled() {
            redis.send_in_background(Self::MATTERS, settling);
        }
        let mut claims = self.store.claims.lock();
        claims.codes_in_use.remove(&self.code);
        claims.states_in_use.remove(&self.state);
    }
}

/// The command that gives back what `owner` has taken. Each thing stays used for its time, or is free again at once if that is zero.
pub(super) fn settling(names: &Names, owner: &str, things: &[(String, Duration)]) -> Cmd {
    let settled = things.iter().map(|(thing, life)| (names.key(thing), life.as_millis() as u64));
    let (keys, lives): (Vec<_>, Vec<_>) = settled.unzip();
    script(SETTLE, &["string"], &keys, (owner, lives))
}

const TAKE: &str = include_str!("redis/lua/take.lua");
const SETTLE: &str = include_str!("redis/lua/settle.lua");
