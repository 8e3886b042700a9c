//! What [`super::refreshing`] is built of where it is concurrent. It is named here and not there, so that a test can compile that
//! very file against the same pieces of a model checker.

pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) use arc_swap::ArcSwapOption;
pub(super) use tokio::runtime::Handle;
pub(super) use tokio::sync::watch;
