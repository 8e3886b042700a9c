//! What [`super::refreshing`] promises: by example, and in many orders of its steps.

mod examples;
mod interleavings;
