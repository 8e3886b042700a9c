//! The line of those who wait to make a call of one API, and who is next: within a network the order of arrival counts, and the networks
//! take turns.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where somebody waits from: an IPv4 address, or the /64 of an IPv6 address, since one household has all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// Stands for this program's own calls, which come from no client.
    pub const OURS: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// The network of `address`.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            v4 => v4,
        })
    }
}

/// Those who wait, each with a `W`.
pub(super) struct Line<W> {
    /// The networks that somebody waits in, in the order of their next turns.
    lanes: VecDeque<Lane<W>>,
    /// How many have ever joined.
    joined: u64,
}

struct Lane<W> {
    network: Network,
    /// Whether this network must let the others go first once.
    owes_a_turn: bool,
    waiting: BTreeMap<(u64, u64), W>,
}

/// A place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    network: Network,
    /// When the caller arrived, in Unix milliseconds, and the number of the joining: in the same millisecond, whoever joined later stands
    /// behind.
    key: (u64, u64),
}

impl<W> Line<W> {
    /// How many may wait. At twenty a second that is more than four minutes' work.
    pub const MOST: usize = 5000;

    /// Nobody waits.
    pub fn new() -> Self {
        Self { lanes: VecDeque::new(), joined: 0 }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// When the one who has waited longest arrived; None if nobody waits.
    pub fn oldest(&self) -> Option<u64> {
        self.lanes.iter().filter_map(|lane| lane.waiting.first_key_value()).map(|((since, _), _)| *since).min()
    }

    /// Joins as a caller who arrived at `since`. If that is one too many, the newest of the network with most callers loses its place,
    /// and is returned; of several such networks, it is the one whose turn comes last.
    pub fn join(&mut self, network: Network, since: u64, waiter: W) -> (Position, Option<W>) {
        self.joined += 1;
        let position = Position { network, key: (since, self.joined) };
        match self.lanes.iter_mut().find(|lane| lane.network == network) {
            Some(lane) => drop(lane.waiting.insert(position.key, waiter)),
            None => {
                let waiting = BTreeMap::from([(position.key, waiter)]);
                self.lanes.push_back(Lane { network, owes_a_turn: false, waiting });
            }
        }
        if self.len() <= Self::MOST {
            return (position, None);
        }
        let most = self.lanes.iter().max_by_key(|lane| lane.waiting.len());
        let newest = most.and_then(|lane| Some(Position { network: lane.network, key: *lane.waiting.last_key_value()?.0 }));
        (position, newest.and_then(|newest| self.remove(newest)))
    }

    /// Takes the next caller out of the line. Their network has its next turn after all others.
    pub fn next(&mut self) -> Option<W> {
        loop {
            let mut lane = self.lanes.pop_front()?;
            let waiter = if std::mem::take(&mut lane.owes_a_turn) { None } else { lane.waiting.pop_first() };
            if !lane.waiting.is_empty() {
                self.lanes.push_back(lane);
            }
            if let Some((_, waiter)) = waiter {
                return Some(waiter);
            }
        }
    }

    /// Notes that a turn of this network was wasted: if it has more callers waiting, the others go first once.
    pub fn wasted(&mut self, network: Network) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.network == network) {
            lane.owes_a_turn = true;
        }
    }

    /// Gives a place up. None if it was called already.
    pub fn remove(&mut self, position: Position) -> Option<W> {
        let lane = self.lanes.iter_mut().find(|lane| lane.network == position.network)?;
        let waiter = lane.waiting.remove(&position.key)?;
        self.lanes.retain(|lane| !lane.waiting.is_empty());
        Some(waiter)
    }

    /// How many are called up to `position`, that one included, if nobody else joins.
    pub fn turns_until(&self, position: Position) -> usize {
        let own = self.lanes.iter().find(|lane| lane.network == position.network);
        let before = own.map_or(0, |lane| match lane.waiting.last_key_value() {
            // Whoever has just joined is the last, as a rule. To count those before them one by one would take long.
            Some((last, _)) if *last == position.key => lane.waiting.len() - 1,
            _ => lane.waiting.range(..position.key).count(),
        });
        let others = self.lanes.iter().filter(|lane| lane.network != position.network);
        others.map(|lane| lane.waiting.len().min(before + 1)).sum::<usize>() + before + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(n: u8) -> Network {
        Network::of(IpAddr::from([192, 0, 2, n]))
    }

    fn called<W>(line: &mut Line<W>) -> Vec<W> {
        std::iter::from_fn(|| line.next()).collect()
    }

    #[test]
    fn within_an_address_the_order_of_arrival_counts_also_for_somebody_who_comes_back() {
        let mut line = Line::new();
        for since in [30, 10, 40, 20] {
            line.join(network(1), since, since);
        }
        assert_eq!(line.next(), Some(10));
        line.join(network(1), 15, 15);
        assert_eq!(called(&mut line), [15, 20, 30, 40]);
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn addresses_take_turns_however_many_wait_behind_one() {
        let mut line = Line::new();
        for since in 0..1000 {
            line.join(network(1), since, 1);
        }
        for n in [2, 3] {
            line.join(network(n), 5000, n);
            line.join(network(n), 5001, n);
        }
        assert_eq!((0..6).filter_map(|_| line.next()).collect::<Vec<_>>(), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn an_address_that_wastes_its_turns_has_every_second_one() {
        let mut line = Line::new();
        for n in [1, 2] {
            for since in 0..6 {
                line.join(network(n), since, n);
            }
        }
        let mut turns = Vec::new();
        while let Some(n) = line.next() {
            turns.push(n);
            if n == 1 {
                line.wasted(network(1));
            }
        }
        assert_eq!(turns, [1, 2, 2, 1, 2, 2, 1, 2, 2, 1, 1, 1]);
    }

    #[test]
    fn leaving_and_joining_again_brings_no_turn_sooner() {
        let mut line = Line::new();
        let (position, _) = line.join(network(1), 1, 1);
        line.join(network(2), 2, 2);
        assert_eq!(line.remove(position), Some(1));
        assert_eq!(line.remove(position), None);
        line.join(network(1), 1, 1);
        assert_eq!(called(&mut line), [2, 1]);
    }

    #[test]
    fn the_newest_of_the_address_that_has_most_waiting_gives_way() {
        let mut line = Line::new();
        for since in 0..Line::<u64>::MOST as u64 - 10 {
            assert!(line.join(network(1), since, since).1.is_none());
        }
        for since in 0..10 {
            assert!(line.join(network(2), 100_000 + since, 100_000 + since).1.is_none());
        }
        let (_, gave_way) = line.join(network(2), 200_000, 200_000);
        assert_eq!(gave_way, Some(Line::<u64>::MOST as u64 - 11), "the loud one's newest");
        let (position, gave_way) = line.join(network(1), 200_000, 7);
        assert_eq!(gave_way, Some(7), "itself");
        assert_eq!((line.len(), line.remove(position)), (Line::<u64>::MOST, None));
    }

    #[test]
    fn the_addresses_of_one_household_count_as_one_and_no_others() {
        let of = |address: &str| Network::of(address.parse().unwrap());
        for (one, other, are_one) in [
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8:0:0:1::", "2001:db8::", true),
            ("2001:db8:0:1::1", "2001:db8::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            assert_eq!(of(one) == of(other), are_one, "{one} {other}");
        }
    }

    proptest! {
        /// Whatever the others do, somebody with `before` people in front of them behind the same address, and `k` other addresses, is
        /// called after (k + 1)(before + 1) turns at most; and what was foretold is true if nobody else comes.
        #[test]
        fn k_addresses_delay_the_people_behind_another_by_a_factor_of_k_and_one_at_most(
            sizes in proptest::collection::vec(1_usize..60, 1..8), mine in 1_usize..40,
        ) {
            let mut line = Line::new();
            for (n, size) in sizes.iter().enumerate() {
                for since in 0..*size {
                    line.join(network(n as u8 + 1), since as u64, None);
                }
            }
            let positions: Vec<_> = (0..mine).map(|nth| line.join(network(0), nth as u64, Some(nth)).0).collect();
            let foretold: Vec<_> = positions.iter().map(|position| line.turns_until(*position)).collect();
            for (turn, waiter) in called(&mut line).into_iter().enumerate() {
                if let Some(nth) = waiter {
                    prop_assert!(turn < (sizes.len() + 1) * (nth + 1));
                    prop_assert!(turn < foretold[nth], "{} {}", turn, foretold[nth]);
                }
            }
        }
    }
}
