//! How many connections are taken at once: as many as leave descriptors for everything else.

use std::thread::available_parallelism;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

    /// What the HTTP library takes at most when nobody says.
    const MOST_PER_WORKER: u64 = 25_600;

    /// What this machine and the limit on open files allow. Connections beyond wait in the system's queue. Were they taken, no
    /// descriptor would be left to call DingTalk with, and the people who are connected already would suffer.
    pub fn of_this_process() -> Self {
        let workers = available_parallelism().map_or(2, usize::from);
        Self::within(descriptors(), workers)
    }

    /// All connections together.
    pub fn connections(self) -> usize {
        self.workers * self.connections_per_worker
    }

    /// A login needs two `descriptors`: its connection, and one to DingTalk. An eighth is kept for listeners, files and the workers.
    fn within(descriptors: Option<u64>, workers: usize) -> Self {
        let share = descriptors.map_or(u64::MAX, |limit| (limit - limit / 8) / 2) / workers as u64;
        Self { workers, connections_per_worker: share.clamp(1, Self::MOST_PER_WORKER) as usize }
    }
}

/// As many as this process may have open. Service managers set a limit of 1,024 that a process may raise by itself, for the sake of
/// programs that use select(2); nothing here does.
fn descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current;
    }
    tracing::info!(from = current, to = maximum, "raised the limit on open files");
    maximum
}

#[cfg(test)]
mod tests {
    use super::*;

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
