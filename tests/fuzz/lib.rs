//! The properties, for the fuzzer. `tests/run` has the same files in its test program and tries the seeds on them.

pub mod properties;

#[path = "../support/clock.rs"]
mod clock;
#[path = "../own_settings.rs"]
mod own_settings;

mod support {
    pub use crate::clock::ClockHands;
}
