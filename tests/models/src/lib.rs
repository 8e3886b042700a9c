//! What the product's `Refreshing` promises: by example, in random lives compared with a reference model, and in many orders of its
//! steps. The product's own files are compiled in here, since they are private to the product.

#![cfg(test)]
#![allow(dead_code, unused_imports, reason = "not all of the product's files is looked at")]

#[path = "../../support/clock.rs"]
mod clock_hands;
#[path = "../../../src/dingtalk/error.rs"]
mod error;
#[path = "../../../src/dingtalk/refreshing.rs"]
mod refreshing;
#[path = "../../../src/dingtalk/words.rs"]
mod words;

mod examples;
mod interleavings;
mod lives;
mod reference;

use dingtalk_h5::dingtalk::{AgentId, Call, Clock, CorpId};

use self::clock_hands::ClockHands;
use self::error::{Error, Kind};

/// The failure of a fetch that was told to fail.
fn failure() -> Error {
    Error::new(Call::ACCESS_TOKEN, Kind::Unintelligible(500), "told to fail")
}
