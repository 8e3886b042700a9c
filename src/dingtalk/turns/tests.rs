use std::net::IpAddr;

use futures_util::future::BoxFuture;

use super::super::Sharing;
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
    turn.take(standing.network);
    let left = Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    turn.ended(None);
    Ok(left)
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_while_their_call_is_out_costs_their_address_a_turn() {
    let (turns, _end) = turns(1);
    let mut gone = turns.wait(standing(0, 60)).await.unwrap();
    gone.take(standing(0, 60).network);
    let neighbour = Standing { network: Network::of(IpAddr::from([192, 0, 2, 2])), ..standing(2, 60) };
    let waiting = [standing(1, 60), standing(1, 60), neighbour].map(|who| tokio::spawn(call(Arc::clone(&turns), who)));
    while turns.waiting().calls < 3 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    let mut left = Vec::new();
    for call in waiting {
        left.push(call.await.unwrap().unwrap());
    }
    assert!(left[2] < left[0] && left[2] < left[1], "{left:?}");
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

/// So many processes have calls that wait, and the calls of this one never get their turn.
struct Full(usize);

impl Peers for Full {
    fn sharing(&self) -> Sharing {
        Sharing::Together
    }

    fn permits<'a>(&'a self, _: PermitRequest<'a>) -> BoxFuture<'a, Option<PermitAnswer>> {
        Box::pin(std::future::ready(Some(PermitAnswer::NotYet { wait: Duration::from_secs(1), waiting_processes: self.0 })))
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
