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
use super::{Departing, Departures, Kind, Leave, Outcome, Peers};

/// On whose behalf a call is made, and how long it may wait for its turn.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Whose order it keeps.
    pub network: Network,
    /// When they arrived, in Unix milliseconds. Who arrived earlier is called earlier.
    pub since: u64,
    /// Then the wait ends, turn or no turn.
    pub until: Instant,
}

/// What can be seen of the turns of one API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// So many calls wait.
    pub calls: usize,
    /// So many leave in a second, at most.
    pub per_second: usize,
}

/// The turns of one API.
pub(super) struct Turns {
    state: Mutex<State>,
    /// Answered calls make room.
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
    /// Somebody calls those who wait.
    calling: bool,
}

/// What is next for those who wait.
enum Next<'a> {
    Call,
    /// Other processes are asked first, for what could leave as far as this one is concerned.
    Ask(Departing<'a>),
    After(Instant),
}

/// The right to make one call, now.
pub(super) struct Turn {
    turns: Arc<Turns>,
    departure: Departure,
    /// Where other processes were asked.
    leave: Option<Leave>,
    left: bool,
}

/// A place in the line. It is given up when this goes.
struct Place<'a> {
    turns: &'a Turns,
    position: Position,
}

impl Turns {
    /// Whoever finds no place comes back then, however long it may take: by then many have left, and a page gives up after ten minutes.
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

    /// Waits for a turn. Whoever stops waiting loses it. There may be none: [`Kind::NoTurn`], or [`Kind::Crowded`] where more wait than can,
    /// most of them from this address.
    pub async fn wait(self: &Arc<Self>, standing: Standing) -> Result<Turn, Kind> {
        let (called, mut turn) = oneshot::channel();
        let place = match self.join(standing, called) {
            Ok(turn) => return Ok(turn),
            Err(place) => place,
        };
        // Many end their wait at once, to come back at once: then few are left in the line to foretell anything by.
        let turn_at = Instant::now() + self.foretell(place.position);
        let to_go = || turn_at.saturating_duration_since(Instant::now()).max(self.foretell(place.position));
        tokio::select! {
            biased;
            // The sender goes only after it has sent, or with the runtime.
            turn = &mut turn => turn.unwrap_or(Err(Kind::NoTurn(Duration::ZERO))),
            () = sleep_until(standing.until) => Err(Kind::NoTurn(to_go())),
            () = self.end_of_turns() => Err(Kind::NoTurn(to_go())),
        }
    }

    /// A turn of this address came to nothing.
    pub fn wasted(&self, network: Network) {
        self.state.lock().line.wasted(network);
    }

    /// What can be seen.
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
            return Ok(Turn { turns: Arc::clone(self), departure: state.pace.depart(now), leave: None, left: false });
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

    /// Calls one after the other until nobody waits.
    async fn call_all(self: Arc<Self>) {
        while let Some(next) = self.look() {
            let again = match next {
                Next::After(again) => again,
                Next::Call => {
                    self.call_next(None);
                    continue;
                }
                Next::Ask(departing) => match self.peers.departures(departing).await {
                    Some(Departures::Now(many, question)) => {
                        (0..many).for_each(|nth| self.call_next(Some(Leave(question, nth))));
                        continue;
                    }
                    Some(Departures::After { wait, waiting }) => {
                        let now = Instant::now();
                        self.state.lock().pace.note_full(waiting, now);
                        now + wait
                    }
                    // They have just gone: from now on this process keeps to its part.
                    None => Instant::now() + Duration::from_millis(1),
                },
            };
            tokio::select! {
                () = sleep_until(again) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// What to do next; None when nobody waits.
    fn look(&self) -> Option<Next<'_>> {
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
            return Some(Next::After(next));
        }
        let wanted = state.pace.free().min(state.line.len());
        Some(if sharing.is_agreed() {
            Next::Ask(Departing { line: &self.name, wanted, per_second: state.pace.allowed(), since })
        } else {
            Next::Call
        })
    }

    fn call_next(self: &Arc<Self>, leave: Option<Leave>) {
        let mut state = self.state.lock();
        let called = state.line.next().map(|called| (called, state.pace.depart(Instant::now())));
        drop(state);
        match (called, leave) {
            // Somebody who has just gone does not take it, and it comes back.
            (Some((called, departure)), _) => {
                drop(called.send(Ok(Turn { turns: Arc::clone(self), departure, leave, left: false })));
            }
            (None, Some(leave)) => self.peers.note(&self.name, leave, Outcome::Stayed),
            (None, None) => {}
        }
    }

    async fn end_of_turns(&self) {
        let mut last_turns = self.last_turns.clone();
        match last_turns.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => sleep_until(until).await,
            // Nobody is left who could end them.
            _ => std::future::pending().await,
        }
    }

    fn foretell(&self, position: Position) -> Duration {
        let state = self.state.lock();
        state.pace.time_for(state.line.turns_until(position))
    }
}

impl Turn {
    /// The call goes out now.
    pub fn take(&mut self) {
        self.left = true;
    }

    /// The call has ended, with this failure if with any.
    pub fn ended(mut self, failure: Option<&Kind>) {
        match failure {
            // It did not go out after all: the turn is the next one's. How soon that was known says nothing about how long an answer takes.
            Some(Kind::NotSent(_) | Kind::NotAsked(_)) => self.left = false,
            // DingTalk has refused it for longer than this second: whoever left now would be refused like it.
            Some(Kind::LimitedForLonger) => {
                self.turns.state.lock().pace.pause(Instant::now());
                self.answered(true);
            }
            failure => self.answered(failure == Some(&Kind::RateLimited)),
        }
    }

    /// DingTalk has answered it.
    fn answered(self, refused: bool) {
        let late = self.turns.state.lock().pace.answered(self.departure, refused, Instant::now());
        match (refused, late) {
            (true, late) => self.note(Outcome::Refused(late.unwrap_or_default())),
            (false, Some(late)) => self.note(Outcome::Late(late)),
            (false, None) => {}
        }
        self.turns.changed.notify_one();
    }

    fn note(&self, outcome: Outcome) {
        self.leave.iter().for_each(|leave| self.turns.peers.note(&self.turns.name, *leave, outcome));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.left {
            self.turns.state.lock().pace.stay(self.departure);
            self.note(Outcome::Stayed);
            self.turns.changed.notify_one();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // What is in the line is dropped outside of the lock.
        let gone = self.turns.state.lock().line.leave(self.position);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::{Answering, Sharing};
    use super::*;

    struct Alone;

    impl Peers for Alone {}

    fn turns(per_second: u32) -> (Arc<Turns>, watch::Sender<Option<Instant>>) {
        let (end, last_turns) = watch::channel(None);
        (Turns::new(NonZeroU32::new(per_second).unwrap(), last_turns, Arc::new(Alone), String::new()), end)
    }

    fn standing(since: u64, seconds: u64) -> Standing {
        let network = Network::of(IpAddr::from([192, 0, 2, 1]));
        Standing { network, since, until: Instant::now() + Duration::from_secs(seconds) }
    }

    async fn call(turns: Arc<Turns>, standing: Standing) -> Result<Instant, Kind> {
        let mut turn = turns.wait(standing).await?;
        turn.take();
        let left = Instant::now();
        tokio::time::sleep(Duration::from_millis(100)).await;
        turn.answered(false);
        Ok(left)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_leave_in_the_order_of_arrival_and_twenty_a_second() {
        let (turns, _end) = turns(20);
        let began = Instant::now();
        let waiting: Vec<_> = (0..100).map(|since| tokio::spawn(call(Arc::clone(&turns), standing(since, 60)))).collect();
        let mut left = Vec::new();
        for call in waiting {
            left.push(call.await.unwrap().unwrap() - began);
        }
        assert!(left.is_sorted(), "{left:?}");
        assert!(left.windows(21).all(|second| second[20] - second[0] > Duration::from_secs(1)), "{left:?}");
        assert!(left[99] < Duration::from_millis(4500), "{left:?}");
        assert_eq!(turns.waiting(), Waiting { calls: 0, per_second: 20 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_time_that_is_still_to_go_and_leaves_nobody_in_the_line() {
        let (turns, _end) = turns(2);
        let waiting: Vec<_> = (0..10).map(|since| tokio::spawn(call(Arc::clone(&turns), standing(since, 2)))).collect();
        let mut late = Vec::new();
        for call in waiting {
            late.extend(call.await.unwrap().err());
        }
        let halves = |halves: u64| Kind::NoTurn(Duration::from_millis(halves * 500));
        assert_eq!(late, [1, 1, 1, 2, 3, 4].map(halves), "two left at once, two after a second; the others stood 3rd to 8th");
        assert_eq!(turns.waiting().calls, 0);
    }

    /// So many processes have calls that wait, and this one's never leave.
    struct Full(usize);

    impl Peers for Full {
        fn sharing(&self) -> Sharing {
            Sharing::Together
        }

        fn departures<'a>(&'a self, _: Departing<'a>) -> Answering<'a, Option<Departures>> {
            Box::pin(std::future::ready(Some(Departures::After { wait: Duration::from_secs(1), waiting: self.0 })))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_foretold_by_how_many_processes_have_calls_that_wait() {
        for (waiting, millis) in [(1, 50), (3, 150)] {
            let (_end, last_turns) = watch::channel(None);
            let turns = Turns::new(NonZeroU32::new(20).unwrap(), last_turns, Arc::new(Full(waiting)), String::new());
            let late = call(Arc::clone(&turns), standing(0, 5)).await;
            assert_eq!((late, turns.waiting().per_second), (Err(Kind::NoTurn(Duration::from_millis(millis))), 20));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_who_goes_away_takes_no_turn() {
        let (turns, _end) = turns(1);
        let first = tokio::spawn(call(Arc::clone(&turns), standing(0, 60)));
        tokio::task::yield_now().await;
        let gone = tokio::spawn(call(Arc::clone(&turns), standing(1, 60)));
        let last = tokio::spawn(call(Arc::clone(&turns), standing(2, 60)));
        tokio::task::yield_now().await;
        assert_eq!(turns.waiting().calls, 2);
        gone.abort();
        let took = last.await.unwrap().unwrap() - first.await.unwrap().unwrap();
        assert!(took < Duration::from_millis(1600), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_not_taken_goes_to_the_next() {
        let (turns, _end) = turns(1);
        let untaken = turns.wait(standing(0, 60)).await.ok();
        let next = tokio::spawn(call(Arc::clone(&turns), standing(1, 60)));
        tokio::task::yield_now().await;
        let now = Instant::now();
        drop(untaken);
        assert_eq!(next.await.unwrap().unwrap(), now);
    }

    #[tokio::test(start_paused = true)]
    async fn when_turns_end_those_whose_turn_comes_before_are_called_and_the_others_are_told() {
        let (turns, end) = turns(1);
        let waiting: Vec<_> = (0..5).map(|since| tokio::spawn(call(Arc::clone(&turns), standing(since, 600)))).collect();
        tokio::task::yield_now().await;
        end.send_replace(Some(Instant::now() + Duration::from_secs(2)));
        let mut called = 0;
        for call in waiting {
            called += usize::from(call.await.unwrap().is_ok());
        }
        assert_eq!(called, 2);
        let late = turns.wait(standing(9, 600)).await.err();
        assert!(matches!(late, Some(Kind::NoTurn(_))), "{late:?}");
    }
}
