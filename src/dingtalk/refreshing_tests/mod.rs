//! What [`super::refreshing`] promises.

mod examples;
