//! What [`super::refreshing`] promises: by example, in random lives held against a reference model, and in many orders of its steps.

mod examples;
mod interleavings;
mod lives;
mod reference;
