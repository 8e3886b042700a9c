//! The program under the faults of `broken::soak`, to measure descriptors and memory, which belong to a whole process. Its clock is the
//! machine's: seconds are real, credentials live for two of them, and no fault stops all calls for long.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_simulator::Simulator;

use super::memory::resident_kib;
use super::{Served, complete, with};
use crate::broken::soak::{Counts, Mishaps, Scene, Visitor, counted, crowd, seed};
use crate::support::eventually;

/// Few, and slow: what is looked for is a leak, not a rush.
const VISITORS: usize = 8;
const BETWEEN_VISITS: Duration = Duration::from_millis(200);
const VISITS: usize = 25;

/// What the app remembers of each login for ten minutes comes to a tenth of this. A leak is noticed from some ten KiB for each visit.
const MORE_MEMORY_KIB: u64 = 2 * 1024;

/// The program, with a DingTalk that fails by chance.
struct Storm {
    served: Served,
    dingtalk: Simulator,
    mishaps: Mutex<Mishaps>,
}

impl Scene for Storm {
    fn dingtalk(&self) -> &Simulator {
        &self.dingtalk
    }

    async fn go_on(&self) {
        tokio::time::sleep(BETWEEN_VISITS).await;
        self.mishaps.lock().unwrap().befall(&self.dingtalk);
    }
}

impl Storm {
    /// Lets a crowd of visitors use the program. Afterwards they are gone, and their connections closed.
    async fn passes(self: &Arc<Self>, seed: u64) -> Counts {
        let visitors =
            (0..VISITORS).map(|n| Visitor::new(&self.served.url, "http://127.0.0.1:9", &["/"], seed.wrapping_add(n as u64)));
        let counts = counted(&crowd(self, visitors.collect(), VISITS).await);
        println!("{counts:?}, {} descriptors, {} KiB", descriptors_of(&self.served), resident_kib(&self.served));
        counts
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
async fn the_program_holds_no_more_descriptors_and_memory_after_a_storm_than_when_it_began() {
    let seed = seed();
    let dingtalk = Simulator::start().await.unwrap();
    dingtalk.credentials_live_for(Duration::from_secs(2));
    // So many faults log much, and only panics matter here.
    let variables = with(complete(&dingtalk), "RUST_LOG", "error");
    let storm = Arc::new(Storm {
        served: Served::start(&variables).await,
        dingtalk,
        mishaps: Mutex::new(Mishaps::new(seed).without_lasting_ones()),
    });

    // After a first visit everything that the program opens for itself is open.
    storm.served.browser().enter().await;
    let descriptors = descriptors_of(&storm.served);
    storm.passes(seed).await;
    let memory = resident_kib(&storm.served);
    let Counts { logins, refusals } = storm.passes(seed.wrapping_add(1)).await;
    assert!(logins > 40 && refusals > 20, "{logins} logins, {refusals} refusals");
    let grown = resident_kib(&storm.served).saturating_sub(memory);
    assert!(grown < MORE_MEMORY_KIB, "{grown} KiB more");
    assert_eq!(storm.dingtalk.codes_sent_again(), 0, "codes were sent again");

    let Storm { served, dingtalk, .. } = Arc::into_inner(storm).unwrap();
    // Connections that are kept alive for the next call are closed when DingTalk stops.
    dingtalk.stop().await;
    eventually("descriptors are left behind", || descriptors_of(&served) <= descriptors).await;
    let (exit, log) = served.stop().await;
    assert!(exit == Some(0) && !log.contains("a panic: "), "{log}");
}

fn descriptors_of(served: &Served) -> usize {
    fs::read_dir(format!("/proc/{}/fd", served.child.id().unwrap())).unwrap().count()
}
