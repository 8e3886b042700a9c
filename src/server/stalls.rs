//! How many connections are accepted at once, and which of them are closed to make room: those that keep the server waiting.
//!
//! A connection stalls while the server waits for its client to begin or end a request, or to receive the response. Honest clients stall
//! for moments; only proxies keep idle connections. To close a stalled connection costs its client one more connection. A client that waits
//! for the server, as for its place in the line of logins, does not stall. A client that sends request after request never stalls for long
//! enough to be closed: while there are too many connections, its next response is the last one of its connection.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What one server may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Threads that answer.
    pub workers: usize,
    /// Connections of each of them.
    pub connections_per_worker: usize,
}

impl Capacity {
    /// For a listener that only a few programs of this machine know of.
    pub const FEW: Self = Self { workers: 1, connections_per_worker: 64 };

    /// How many connections per worker the HTTP library accepts by default.
    const MOST_PER_WORKER: u64 = 25_600;

    /// What this machine and the limit on open files allow. Connections beyond wait in the system's queue. Were they taken, no
    /// descriptor would be left to call DingTalk with, and the people who are connected already would suffer.
    pub fn of_this_process() -> Self {
        let workers = available_parallelism().map_or(2, usize::from);
        Self::within(descriptors(), workers)
    }

    /// A login needs two `descriptors`: its connection, and one to DingTalk. An eighth is kept for listeners, files and the workers.
    fn within(descriptors: Option<u64>, workers: usize) -> Self {
        let share = descriptors.map_or(u64::MAX, |limit| (limit - limit / 8) / 2) / workers as u64;
        Self { workers, connections_per_worker: share.clamp(1, Self::MOST_PER_WORKER) as usize }
    }
}

/// How many file descriptors this process may have open; None is any number. Service managers set a limit of 1,024 that a process may raise
/// by itself, for the sake of programs that use select(2); nothing here does.
fn descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current;
    }
    tracing::info!(from = current, to = maximum, "raised the limit on open files");
    maximum
}

/// All connections of a server.
pub struct Stalls {
    /// The server is about to stop.
    pub stops: AtomicBool,
    proxies: Vec<IpNet>,
    many: usize,
    crowd: Mutex<Crowd>,
    is_crowded: Notify,
}

#[derive(Default)]
struct Crowd {
    /// How many connections are open and were not told to close.
    open: usize,
    /// How many numbers were given so far, to connections and to stalls.
    numbers: u64,
    stalled: HashMap<Party, BTreeMap<u64, Stalled>>,
}

/// Whose connections are counted together: those of one IPv4 address, or of one IPv6 network of 64 bits, which is one customer's. Many
/// clients come through a trusted proxy, so each of its connections has a number and counts for itself.
type Party = (IpAddr, Option<u64>);

struct Stalled {
    since: Instant,
    connection: Waker,
    gives_way: Arc<AtomicBool>,
}

/// The place of one connection, until it is dropped.
pub struct Seat {
    /// All connections of the server.
    stalls: Arc<Stalls>,
    party: Party,
    /// The number of its present stall, greater than those of all that began before. None while it does not stall.
    stalled_as: Cell<Option<u64>>,
    gives_way: Arc<AtomicBool>,
}

impl Stalls {
    /// How many connections of one party may stall at once. A company behind one address has no more than that between two requests.
    const MOST_OF_ONE_PARTY: usize = 2048;
    /// No shorter stall is ended to make room: some networks are slow, and the newest connections are those that room was made for.
    const YOUTH: Duration = Duration::from_millis(100);
    const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

    /// No connections yet. When more than three quarters of the `capacity` are open, those that stall are closed. `proxies` are trusted.
    pub fn within(capacity: Capacity, proxies: Vec<IpNet>) -> Arc<Self> {
        let many = (capacity.workers * capacity.connections_per_worker / 4 * 3).max(1);
        Arc::new(Self { stops: AtomicBool::default(), proxies, many, crowd: Mutex::default(), is_crowded: Notify::new() })
    }

    /// Counts a new connection, for as long as the seat exists.
    pub fn seat(self: &Arc<Self>, peer: IpAddr) -> Seat {
        let mut crowd = self.crowd.lock();
        crowd.open += 1;
        crowd.numbers += 1;
        if crowd.open > self.many {
            self.is_crowded.notify_one();
        }
        let peer = peer.to_canonical();
        let number = self.proxies.iter().any(|proxies| proxies.contains(&peer)).then_some(crowd.numbers);
        let party = match peer {
            IpAddr::V4(_) => (peer, number),
            IpAddr::V6(address) => (Ipv6Addr::from_bits(address.to_bits() >> 64).into(), number),
        };
        Seat { stalls: Arc::clone(self), party, stalled_as: Cell::default(), gives_way: Arc::default() }
    }

    /// Closes stalling connections while there are too many. Never returns.
    pub async fn make_room(&self) -> Infallible {
        loop {
            self.is_crowded.notified().await;
            while self.crowd.lock().make_room(self.many) {
                tokio::time::sleep(Self::BETWEEN_LOOKS).await;
            }
        }
    }
}

impl Seat {
    /// Whether the connection is one of a trusted proxy, through which many clients come.
    pub fn is_of_a_proxy(&self) -> bool {
        self.party.1.is_some()
    }

    /// Whether the server is about to stop.
    pub fn server_stops(&self) -> bool {
        self.stalls.stops.load(Ordering::Relaxed)
    }

    /// Whether the next response must be the last of its connection: there are too many connections, and this client asks too often to be
    /// closed for stalling. `stalled`: how long it stalled before this request.
    pub fn must_go(&self, stalled: Duration) -> bool {
        let asks_too_often = stalled < Stalls::YOUTH + Stalls::BETWEEN_LOOKS;
        asks_too_often && !self.is_of_a_proxy() && self.stalls.crowd.lock().open > self.stalls.many
    }

    /// Waits for what the `client` does: meanwhile, and until [`Seat::goes_on`], the connection stalls. An error says that others need the
    /// place.
    pub async fn stalling<T>(&self, client: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut client = pin!(client);
        poll_fn(|context| match client.as_mut().poll(context) {
            Poll::Pending => self.begin_to_stall(context).map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending),
            done => done,
        })
        .await
    }

    fn begin_to_stall(&self, context: &Context<'_>) -> io::Result<()> {
        if self.gives_way.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.stalled_as.get().is_none() {
            let (connection, gives_way) = (context.waker().clone(), Arc::clone(&self.gives_way));
            let stalled = Stalled { since: Instant::now(), connection, gives_way };
            self.stalled_as.set(Some(self.stalls.crowd.lock().admit(self.party, stalled)));
        }
        Ok(())
    }

    /// Ends the stall: the server has what it waited for. Returns how long the connection has stalled.
    pub fn goes_on(&self) -> Duration {
        let stalled = self.stalled_as.take().and_then(|number| self.stalls.crowd.lock().take(self.party, number));
        stalled.map_or(Duration::ZERO, |stalled| stalled.since.elapsed())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.goes_on();
        let mut crowd = self.stalls.crowd.lock();
        crowd.open -= usize::from(!self.gives_way.load(Ordering::Relaxed));
    }
}

impl Crowd {
    /// Counts a stall and returns its number. If the party has too many, its longest stall is ended.
    fn admit(&mut self, party: Party, stalled: Stalled) -> u64 {
        self.numbers += 1;
        let number = self.numbers;
        let of_party = self.stalled.entry(party).or_default();
        of_party.insert(number, stalled);
        if of_party.len() > Stalls::MOST_OF_ONE_PARTY
            && let Some(longest) = of_party.first_key_value().map(|(number, _)| *number)
        {
            self.give_way(party, longest);
        }
        number
    }

    /// Closes as many stalling connections as there are too many. Each time it is one of the party with the most that stall, and of these
    /// the one that has stalled longest. Returns whether there were too many.
    fn make_room(&mut self, many: usize) -> bool {
        let too_many = self.open.saturating_sub(many);
        let mut ranked: Vec<_> = self.stalled.iter().flat_map(|(party, of)| ranked(*party, of)).collect();
        ranked.sort_unstable_by_key(|(rank, number, ..)| (Reverse(*rank), *number));
        for (_, number, party, since) in ranked.into_iter().take(too_many) {
            if since.elapsed() >= Stalls::YOUTH {
                self.give_way(party, number);
            }
        }
        too_many > 0
    }

    fn give_way(&mut self, party: Party, number: u64) {
        if let Some(stalled) = self.take(party, number) {
            self.open -= 1;
            stalled.gives_way.store(true, Ordering::Relaxed);
            stalled.connection.wake();
        }
    }

    fn take(&mut self, party: Party, number: u64) -> Option<Stalled> {
        let of_party = self.stalled.get_mut(&party)?;
        let stalled = of_party.remove(&number);
        if of_party.is_empty() {
            self.stalled.remove(&party);
        }
        stalled
    }
}

/// The stalls of a party with their ranks: the newest has 1, the longest as many as there are.
fn ranked(party: Party, of: &BTreeMap<u64, Stalled>) -> impl Iterator<Item = (usize, u64, Party, Instant)> {
    (1..=of.len()).rev().zip(of).map(move |(rank, (number, stalled))| (rank, *number, party, stalled.since))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One connection from each of `addresses`, opened one after the other; all of them stall.
    fn seats(stalls: &Arc<Stalls>, addresses: &[&str]) -> Vec<Seat> {
        let sit = |address: &&str| {
            let seat = stalls.seat(address.parse().unwrap());
            seat.begin_to_stall(&Context::from_waker(Waker::noop())).unwrap();
            seat
        };
        addresses.iter().map(sit).collect()
    }

    /// Which of `seats` were told to end.
    fn ended(seats: &[Seat]) -> Vec<usize> {
        (0..seats.len()).filter(|nth| seats[*nth].gives_way.load(Ordering::Relaxed)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn under_pressure_the_address_with_most_that_stall_gives_way_and_of_it_the_longest() {
        let capacity = Capacity { workers: 1, connections_per_worker: 8 };
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (addresses, expected) in [
            (&["1.1.1.1"; 6][..], &[][..]),
            (&["1.1.1.1"; 8], &[0, 1]),
            (&["1.1.1.1", "2.2.2.2", "2.2.2.2", "2.2.2.2", "2.2.2.2", "2.2.2.2", "1.1.1.1", "3.3.3.3"], &[1, 2]),
            (&["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5", "6.6.6.6", "7.7.7.7"], &[0]),
            (&["2001:db8::1", "9.9.9.9", "2001:db8::2", "::ffff:9.9.9.9", "2001:db8::3", "2001:db8:0:1::1", "1.1.1.1"], &[0]),
            (&["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "1.1.1.1", "1.1.1.1"], &[5]),
        ] {
            let stalls = Stalls::within(capacity, proxies.clone());
            let seats = seats(&stalls, addresses);
            stalls.crowd.lock().make_room(stalls.many);
            assert!(ended(&seats).is_empty(), "{addresses:?}: they came just now");
            tokio::time::advance(Stalls::YOUTH).await;
            stalls.crowd.lock().make_room(stalls.many);
            assert_eq!(ended(&seats), expected, "{addresses:?}");
            stalls.crowd.lock().make_room(stalls.many);
            assert_eq!(ended(&seats), expected, "{addresses:?}: those are on their way out");
            drop(seats);
            let crowd = stalls.crowd.lock();
            assert_eq!((crowd.open, crowd.stalled.len()), (0, 0));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_server_gives_way_to_nobody() {
        let stalls = Stalls::within(Capacity { workers: 1, connections_per_worker: 4 }, Vec::new());
        let seats = seats(&stalls, &["1.1.1.1"; 4]);
        for seat in &seats[..3] {
            seat.goes_on();
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(stalls.crowd.lock().make_room(stalls.many));
        assert_eq!(ended(&seats), [3]);
        assert!(seats[3].begin_to_stall(&Context::from_waker(Waker::noop())).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_again_too_soon_to_give_way_has_a_last_answer_while_there_are_too_many_but_a_proxy() {
        let capacity = Capacity { workers: 1, connections_per_worker: 4 };
        for (address, others, millis, must_go) in [
            ("1.1.1.1", 3, 0, true),
            ("1.1.1.1", 3, 124, true),
            ("1.1.1.1", 3, 125, false),
            ("1.1.1.1", 2, 0, false),
            ("10.0.0.1", 3, 0, false),
        ] {
            let stalls = Stalls::within(capacity, vec!["10.0.0.0/8".parse().unwrap()]);
            let _others = seats(&stalls, &vec!["1.1.1.1"; others]);
            let seat = seats(&stalls, &[address]).remove(0);
            tokio::time::advance(Duration::from_millis(millis)).await;
            let stalled = seat.goes_on();
            assert_eq!(stalled.as_millis(), u128::from(millis));
            assert_eq!(seat.must_go(stalled), must_go, "{address} after {millis} ms beside {others}");
        }
    }

    #[test]
    fn one_address_holds_two_thousand_at_most_however_much_room_there_is_and_a_trusted_proxy_any_number() {
        let capacity = Capacity { workers: 1, connections_per_worker: 10_000 };
        let stalls = Stalls::within(capacity, vec!["10.0.0.0/8".parse().unwrap()]);
        let seats = seats(&stalls, &[["1.1.1.1"; 2050], ["10.0.0.1"; 2050]].concat());
        assert_eq!(ended(&seats), [0, 1]);
    }

    #[test]
    fn connections_leave_as_many_descriptors_to_calls_and_an_eighth_to_everything_else() {
        let per_worker = |descriptors, workers| Capacity::within(descriptors, workers).connections_per_worker;
        assert_eq!(per_worker(Some(1024), 2), 224);
        assert_eq!(per_worker(Some(1024), 64), 7);
        assert_eq!(per_worker(Some(0), 64), 1);
        assert_eq!(per_worker(Some(1_048_576), 2), 25_600);
        assert_eq!(per_worker(None, 1), 25_600);
    }
}
