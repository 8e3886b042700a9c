//! What a login takes for itself before it asks DingTalk: the authCode, its state, and one of the exchanges in which it keeps its order.
//! First from this process, then from all of them.

use std::time::Duration;

use super::Logins;
use super::state::StateId;
use crate::state::{self, State, Taken, Unavailable};
use crate::web::Problem;

/// What one login has taken. What it has not used is free again when this goes.
pub(super) struct Claim<'a> {
    code: Taken<'a, [u8; 32]>,
    state: Taken<'a, StateId>,
    exchange: Option<Taken<'a, (StateId, u8)>>,
    elsewhere: state::Claim<'a>,
}

/// In the order in which they are asked for.
const CODE: usize = 0;
const STATE: usize = 1;
const EXCHANGE: usize = 2;

impl<'a> Claim<'a> {
    /// A login keeps its order for one exchange, and for one more with a fresh code.
    const EXCHANGES: [u8; 2] = [0, 1];
    /// A login waits for its turn, and then five seconds for DingTalk, twice at most. A process that dies in the middle keeps a state no longer.
    const LOGIN: Duration = Duration::from_secs(40);

    pub async fn take(logins: &'a Logins, kept: &'a State, code: [u8; 32], state: StateId) -> Result<Self, Problem> {
        let refused = |nth, why| match (nth, why) {
            (_, Unavailable::UnderWay) => Problem::CodeInUse,
            (CODE, Unavailable::Used) => Problem::code_rejected(),
            (_, Unavailable::Used) => Problem::StateRejected,
        };
        let code_taken = logins.codes.take(code).map_err(|why| refused(CODE, why))?;
        let state_taken = logins.states.take(state).map_err(|why| refused(STATE, why))?;
        let exchange = Self::EXCHANGES.into_iter().find_map(|nth| logins.exchanges.take((state, nth)).ok());
        // DingTalk may take the code until five minutes after it was sent.
        let needed =
            vec![logins.codes.wanted(&code, Logins::CODE_LIVES + Self::LOGIN), logins.states.wanted(&state, Self::LOGIN)];
        let helping = Self::EXCHANGES.map(|nth| logins.exchanges.wanted(&(state, nth), Self::LOGIN)).to_vec();
        let elsewhere = kept.claim(needed, helping).await.map_err(|(nth, why)| refused(nth, why))?;
        let exchange = exchange.filter(|_| elsewhere.helps);
        Ok(Self { code: code_taken, state: state_taken, exchange, elsewhere })
    }

    /// Whether the login keeps its order in this exchange. If not, it stands behind all who are there.
    pub fn keeps_order(&self) -> bool {
        self.exchange.is_some()
    }

    /// The code goes out: whatever comes back, even if the browser goes away in the middle, it and the exchange are used.
    pub fn leaving(&self) {
        self.mark_sent(true);
        self.code.mark_used();
        self.exchange.iter().for_each(Taken::mark_used);
    }

    /// Nobody has looked at what went out.
    pub fn not_sent(&self) {
        self.mark_sent(false);
        self.code.mark_unused();
        self.exchange.iter().for_each(Taken::mark_unused);
    }

    /// The login has succeeded.
    pub fn succeeded(&self) {
        self.elsewhere.mark(STATE, true);
        self.state.mark_used();
    }

    /// Ends when all processes know, or cannot be told.
    pub async fn settle(self) {
        self.elsewhere.settle().await;
    }

    fn mark_sent(&self, is_sent: bool) {
        self.elsewhere.mark(CODE, is_sent);
        self.elsewhere.mark(EXCHANGE, is_sent);
    }
}
