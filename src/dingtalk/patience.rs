//! How often a call is repeated when DingTalk is busy or out of reach.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};

use super::error::Error;

/// No attempt begins later than this after the first, so that three of them, five seconds at most each, end within eight.
const LAST_ATTEMPT: Duration = Duration::from_millis(2900);

/// Repeats a call that is safe to repeat, twice at most, while the trouble looks passing. The pauses grow, differ by chance, and are
/// a second at least when DingTalk counts calls by the second.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(call: impl FnMut() -> F) -> Result<T, Error> {
    // Real time, not the clock's: this bounds how long somebody waits, and nobody waits in a moved clock.
    let began = Instant::now();
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(2)
        .with_jitter();
    call.retry(pauses)
        .when(Error::retryable)
        .adjust(|error, pause| {
            let pause = pause?.max(error.shortest_pause());
            (began.elapsed() + pause <= LAST_ATTEMPT).then_some(pause)
        })
        .await
}
