//! Each call waits for its turn: those of one API leave in order and at DingTalk's pace.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::line::{Line, Network, Position};
use super::pace::{Departure, Pace};
use super::{Kind, Peers, Permit, PermitAnswer, PermitRequest, PermitUse};

/// On whose behalf a call is made, and how long it may wait for its turn.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The network that the caller comes from.
    pub network: Network,
    /// When the caller arrived, in Unix milliseconds. In the same network, whoever arrived earlier is called earlier.
    pub since: u64,
    /// When the wait ends, even without a turn.
    pub until: Instant,
}

/// How long the line of one API is, and how fast it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many calls wait.
    pub calls: usize,
    /// How many may leave in a second.
    pub per_second: usize,
}

/// The turns of one API.
pub(super) struct Turns {
    state: Mutex<State>,
    /// Notified when a call has ended, or was not made: that may have made room.
    changed: Notify,
    runtime: Handle,
    last_turns: watch::Receiver<Option<Instant>>,
    /// Other processes that make the same calls, and the name of this line among them.
    peers: Arc<dyn Peers>,
    name: String,
}

struct State {
    pace: Pace,
    line: Line<oneshot::Sender<Result<Turn, Kind>>>,
    /// Whether a task is running that calls those who wait.
    calling: bool,
}

/// What there is to do for those who wait.
enum Step<'a> {
    /// Nothing before this time, unless a call ends.
    Wait(Instant),
    /// Calls could leave as far as this process is concerned, but each is agreed on with the others.
    Ask(PermitRequest<'a>),
    /// The next one is called.
    Call,
}

/// The right to make one call, now.
pub(super) struct Turn {
    turns: Arc<Turns>,
    departure: Departure,
    /// Its permit, if other processes were asked.
    permit: Option<Permit>,
    call: CallOfTurn,
}

/// What has become of the call of a turn.
enum CallOfTurn {
    /// It was not made.
    NotMade,
    /// It is in flight, for somebody in this network.
    InFlight(Network),
    /// It has ended.
    Ended,
}

/// A place in the line. Dropping it gives the place up.
struct Place<'a> {
    turns: &'a Turns,
    position: Position,
}

impl Turns {
    /// If the line is full, a caller is told to come back after the time that the line takes, but after this at most: by then many have
    /// left it, and a page gives up after ten minutes.
    const CROWDED: Duration = Duration::from_secs(250);

    /// No wait goes on beyond `last_turns`, once there is such a time. Must be called in the runtime that is to call the turns.
    pub fn new(
        per_second: NonZeroU32,
        last_turns: watch::Receiver<Option<Instant>>,
        peers: Arc<dyn Peers>,
        name: String,
    ) -> Arc<Self> {
        let state = State { pace: Pace::new(per_second, Instant::now()), line: Line::new(), calling: false };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), runtime: Handle::current(), last_turns, peers, name })
    }

    /// Waits for a turn; dropping the future gives the place up. Fails with [`Kind::NoTurn`] if no turn comes in time, and with
    /// [`Kind::Crowded`] if the line is full and most of those who wait are in this network.
    pub async fn wait(self: &Arc<Self>, standing: Standing) -> Result<Turn, Kind> {
        let (called, mut turn) = oneshot::channel();
        let place = match self.join(standing, called) {
            Ok(turn) => return Ok(turn),
            Err(place) => place,
        };
        // Many waits end at the same moment, to begin anew at once. Then the line is too short to foretell anything by, so what was
        // foretold at the beginning counts too.
        let turn_at = Instant::now() + self.foretell(place.position);
        let to_go = || turn_at.saturating_duration_since(Instant::now()).max(self.foretell(place.position));
        tokio::select! {
            biased;
            // The sender is dropped only after it has sent, or when the runtime stops.
            turn = &mut turn => turn.unwrap_or(Err(Kind::NoTurn(Duration::ZERO))),
            () = sleep_until(standing.until) => Err(Kind::NoTurn(to_go())),
            () = self.end_of_turns() => Err(Kind::NoTurn(to_go())),
        }
    }

    /// Notes that a turn of this network was wasted.
    pub fn wasted(&self, network: Network) {
        self.state.lock().line.wasted(network);
    }

    /// How many calls wait, and how many may leave in a second.
    pub fn waiting(&self) -> Waiting {
        let state = self.state.lock();
        Waiting { calls: state.line.len(), per_second: state.pace.per_second() }
    }

    /// A turn at once, if nobody waits and the pace allows it; a place in the line otherwise.
    fn join(self: &Arc<Self>, standing: Standing, called: oneshot::Sender<Result<Turn, Kind>>) -> Result<Turn, Place<'_>> {
        let sharing = self.peers.sharing();
        let mut state = self.state.lock();
        let now = Instant::now();
        state.pace.sharing = sharing;
        let goes_on = self.last_turns.borrow().is_none_or(|until| now < until);
        if goes_on && !sharing.is_agreed() && state.line.len() == 0 && state.pace.next(now) <= now {
            return Ok(self.turn(state.pace.depart(now), None));
        }
        let (position, gives_way) = state.line.join(standing.network, standing.since, called);
        if let Some(newest) = gives_way {
            let _ = newest.send(Err(Kind::Crowded(state.pace.time_for(Line::<()>::MOST).min(Self::CROWDED))));
        }
        if !std::mem::replace(&mut state.calling, true) {
            self.runtime.spawn(Arc::clone(self).call_all());
        }
        Err(Place { turns: self, position })
    }

    /// Gives out turns until nobody waits.
    async fn call_all(self: Arc<Self>) {
        while let Some(step) = self.next_step() {
            let again = match step {
                Step::Wait(until) => until,
                Step::Call => {
                    self.call_next(None);
                    continue;
                }
                Step::Ask(request) => match self.peers.permits(request).await {
                    Some(PermitAnswer::Granted { calls, request }) => {
                        for nth in 0..calls {
                            self.call_next(Some(Permit { request, nth }));
                        }
                        continue;
                    }
                    Some(PermitAnswer::NotYet { wait, waiting_processes }) => {
                        let now = Instant::now();
                        self.state.lock().pace.note_full(waiting_processes, now);
                        now + wait
                    }
                    // The others have just become unreachable: from now on this process keeps to its part of the limit.
                    None => Instant::now() + Duration::from_millis(1),
                },
            };
            tokio::select! {
                () = sleep_until(again) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// None when nobody waits.
    fn next_step(&self) -> Option<Step<'_>> {
        let sharing = self.peers.sharing();
        let mut state = self.state.lock();
        let now = Instant::now();
        let Some(since) = state.line.oldest() else {
            state.calling = false;
            return None;
        };
        state.pace.sharing = sharing;
        let next = state.pace.next(now);
        if next > now {
            return Some(Step::Wait(next));
        }
        if !sharing.is_agreed() {
            return Some(Step::Call);
        }
        let wanted = state.pace.free(now).min(state.line.len());
        Some(Step::Ask(PermitRequest { line: &self.name, wanted, per_second: state.pace.allowed, since }))
    }

    fn call_next(self: &Arc<Self>, permit: Option<Permit>) {
        let mut state = self.state.lock();
        let called = state.line.next().map(|called| (called, state.pace.depart(Instant::now())));
        drop(state);
        match (called, permit) {
            // A caller who has just stopped waiting does not receive the turn. Dropping it gives it back.
            (Some((called, departure)), _) => drop(called.send(Ok(self.turn(departure, permit)))),
            (None, Some(permit)) => self.peers.note(&self.name, permit, PermitUse::NotSent),
            (None, None) => {}
        }
    }

    fn turn(self: &Arc<Self>, departure: Departure, permit: Option<Permit>) -> Turn {
        Turn { turns: Arc::clone(self), departure, permit, call: CallOfTurn::NotMade }
    }

    async fn end_of_turns(&self) {
        let mut last_turns = self.last_turns.clone();
        match last_turns.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => sleep_until(until).await,
            // The sender is gone, so nobody can end the turns any more.
            _ => std::future::pending().await,
        }
    }

    fn foretell(&self, position: Position) -> Duration {
        let state = self.state.lock();
        state.pace.time_for(state.line.turns_until(position))
    }
}

impl Turn {
    /// The call goes out now, for somebody in this network.
    pub fn take(&mut self, network: Network) {
        self.call = CallOfTurn::InFlight(network);
    }

    /// The call has ended; `failure` is why it failed, if it did.
    pub fn ended(mut self, failure: Option<&Kind>) {
        // The call did not go out after all: the turn goes to the next caller. How soon that was known says nothing about how long an
        // answer takes.
        if matches!(failure, Some(Kind::NotSent(_) | Kind::NotAsked(_))) {
            self.call = CallOfTurn::NotMade;
            return;
        }
        self.call = CallOfTurn::Ended;
        let is_refused = matches!(failure, Some(Kind::RateLimited | Kind::LimitedForLonger));
        let now = Instant::now();
        let mut state = self.turns.state.lock();
        // DingTalk refuses for longer than this second: a call that left now would be refused too.
        if failure == Some(&Kind::LimitedForLonger) {
            state.pace.pause(now);
        }
        let late = state.pace.answered(self.departure, is_refused, now);
        drop(state);
        match (is_refused, late) {
            (true, late) => self.note(PermitUse::Refused(late.unwrap_or_default())),
            (false, Some(late)) => self.note(PermitUse::Late(late)),
            (false, None) => {}
        }
        self.turns.changed.notify_one();
    }

    fn note(&self, used: PermitUse) {
        if let Some(permit) = self.permit {
            self.turns.peers.note(&self.turns.name, permit, used);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        match self.call {
            CallOfTurn::NotMade => {
                self.turns.state.lock().pace.cancel(self.departure);
                self.note(PermitUse::NotSent);
                self.turns.changed.notify_one();
            }
            // The caller is gone, so nobody learns when the answer comes: the turn counts for as long as that may take.
            CallOfTurn::InFlight(network) => self.turns.wasted(network),
            CallOfTurn::Ended => {}
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // What is in the line is dropped outside of the lock.
        let gone = self.turns.state.lock().line.remove(self.position);
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
