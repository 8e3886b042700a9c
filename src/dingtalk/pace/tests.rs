use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

const TWENTY: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// A DingTalk that counts calls over a sliding second, and another program, which calls it `others` times a second.
struct DingTalk {
    admitted: VecDeque<Instant>,
    others: u32,
    asked_by_others: u32,
    began: Instant,
}

impl DingTalk {
    fn new(others: u32, began: Instant) -> Self {
        Self { admitted: VecDeque::new(), others, asked_by_others: 0, began }
    }

    fn admits(&mut self, now: Instant) -> bool {
        while self.began + Duration::from_secs(1) * self.asked_by_others / self.others.max(1) <= now && self.others > 0 {
            let at = self.began + Duration::from_secs(1) * self.asked_by_others / self.others;
            self.asked_by_others += 1;
            self.count(at);
        }
        self.count(now)
    }

    fn count(&mut self, at: Instant) -> bool {
        self.admitted.retain(|earlier| *earlier + Duration::from_secs(1) > at);
        let admits = self.admitted.len() < 20;
        if admits {
            self.admitted.push_back(at);
        }
        admits
    }
}

/// Makes `calls` as fast as they may leave; each reaches DingTalk after `delays[n]` milliseconds and is answered 100 later.
/// How long that took, and how many were refused.
fn run(pace: &mut Pace, dingtalk: &mut DingTalk, calls: usize, delays: &[u64], began: Instant) -> (Duration, usize) {
    let (mut now, mut refused, mut admitted) = (began, 0, 0);
    // Arrivals and answers, in the order of time.
    let mut events: BTreeMap<(Instant, usize), (Departure, bool, bool)> = BTreeMap::new();
    let (mut nth, mut out) = (0, 0);
    while admitted < calls {
        let next = pace.next(now);
        let due = events.first_key_value().map(|((at, _), _)| *at);
        if admitted + out < calls && next <= now {
            let departure = pace.depart(now);
            events.insert((now + Duration::from_millis(delays[nth % delays.len()]), nth), (departure, false, false));
            (nth, out) = (nth + 1, out + 1);
        } else if due.is_some_and(|due| admitted + out >= calls || due <= next) {
            let ((at, number), (departure, arrived, admits)) = events.pop_first().unwrap();
            now = now.max(at);
            if !arrived {
                let admits = dingtalk.admits(now);
                events.insert((now + Duration::from_millis(100), number), (departure, true, admits));
            } else {
                pace.answered(departure, !admits, now);
                (out, admitted, refused) = (out - 1, admitted + usize::from(admits), refused + usize::from(!admits));
            }
        } else {
            now = next;
        }
    }
    (now - began, refused)
}

#[test]
fn a_company_is_in_as_fast_as_dingtalk_allows_and_nobody_is_refused() {
    for (people, seconds) in [(20, 1.2), (300, 16.5), (1000, 55.0), (3000, 165.0)] {
        let began = Instant::now();
        let (mut pace, mut dingtalk) = (Pace::new(TWENTY, began), DingTalk::new(0, began));
        let (took, refused) = run(&mut pace, &mut dingtalk, people, &[5, 1, 9, 2], began);
        assert_eq!(refused, 0, "{people}");
        assert!(took.as_secs_f64() < seconds, "{people}: {took:?}");
    }
}

#[test]
fn where_somebody_else_calls_too_what_is_left_is_found_and_few_are_refused() {
    for people in [300, 1000, 3000] {
        let began = Instant::now();
        let (mut pace, mut dingtalk) = (Pace::new(TWENTY, began), DingTalk::new(5, began));
        let (took, refused) = run(&mut pace, &mut dingtalk, people, &[3, 1, 2], began);
        assert!(refused * 100 <= people * 3, "{people}: {refused} refused");
        assert!(took.as_secs_f64() <= 1.1 * people as f64 / 15.0 + 2.0, "{people}: {took:?}");
    }
}

#[test]
fn a_limit_that_fell_rises_again_when_nobody_else_calls_any_more() {
    let began = Instant::now();
    let mut pace = Pace::new(TWENTY, began);
    let departures: Vec<_> = (0..20).map(|_| pace.depart(began)).collect();
    for (nth, departure) in departures.into_iter().enumerate() {
        pace.answered(departure, nth >= 3, began + Duration::from_millis(100));
    }
    assert_eq!(pace.per_second(), 3);
    let limits: Vec<_> = (1..=6)
        .map(|n| {
            pace.next(began + Duration::from_secs(7 * n));
            pace.per_second()
        })
        .collect();
    assert_eq!(limits, [4, 6, 10, 18, 20, 20]);
}

#[test]
fn when_nothing_is_admitted_the_pauses_grow_up_to_eight_seconds() {
    let mut now = Instant::now();
    let mut pace = Pace::new(TWENTY, now);
    let pauses: Vec<_> = (0..6)
        .map(|_| {
            let departure = pace.depart(now);
            pace.answered(departure, true, now);
            let next = pace.next(now);
            let pause = next - now;
            now = next;
            pause.as_secs()
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 8, 8]);
}

#[test]
fn an_answer_to_a_call_from_before_a_pause_does_not_end_it() {
    let now = Instant::now();
    let mut pace = Pace::new(TWENTY, now);
    pace.sharing = Sharing::Together;
    let (early, limited) = (pace.depart(now), pace.depart(now));
    pace.pause(now);
    pace.answered(limited, true, now);
    pace.answered(early, false, now + Duration::from_millis(100));
    let over = now + Duration::from_secs(3);
    assert_eq!((pace.next(over), pace.per_second()), (over, 1));
    let one = pace.depart(over);
    pace.answered(one, false, over + Duration::from_millis(100));
    assert_eq!(pace.per_second(), 20);
}

#[test]
fn whoever_can_agree_with_nobody_any_more_waits_for_a_second_that_others_have_filled() {
    let now = Instant::now();
    let mut pace = Pace::new(TWENTY, now);
    let apart = Sharing::Apart(NonZeroUsize::new(3).unwrap());
    for (is_full, waits) in [(false, 0), (true, 1020)] {
        pace.sharing = Sharing::Together;
        if is_full {
            pace.note_full(3, now);
        }
        pace.sharing = apart;
        assert_eq!(pace.next(now) - now, Duration::from_millis(waits));
        pace.sharing = apart;
        assert_eq!((pace.next(now) - now, pace.per_second()), (Duration::from_millis(waits), 6));
    }
}

#[test]
fn a_call_that_did_not_leave_counts_for_nothing() {
    let now = Instant::now();
    let mut pace = Pace::new(NonZeroU32::MIN, now);
    let departure = pace.depart(now);
    assert!(pace.next(now) > now);
    pace.cancel(departure);
    assert_eq!(pace.next(now), now);
}

proptest! {
    #[test]
    fn no_sliding_second_of_dingtalks_has_more_than_twenty_however_the_network_squeezes(
        delays in proptest::collection::vec(0_u64..500, 1..60),
    ) {
        let began = Instant::now();
        let (mut pace, mut dingtalk) = (Pace::new(TWENTY, began), DingTalk::new(0, began));
        // How long a call takes to DingTalk at least is learned from the first answers, so the first is not delayed.
        let delays: Vec<_> = [0].into_iter().chain(delays).collect();
        let (_, refused) = run(&mut pace, &mut dingtalk, 200, &delays, began);
        prop_assert_eq!(refused, 0);
    }
}
