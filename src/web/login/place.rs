//! A place in the line of logins: what a login that has to post again brings along to keep its order. Proven and bound to the browser,
//! so that the server keeps nothing and a restart loses nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::StateId;

/// Where somebody stands in the line of logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The login that it is a place of.
    #[serde(with = "hex")]
    pub state: StateId,
    /// When that came, in Unix milliseconds.
    pub since: u64,
    /// When its turn was expected, likewise.
    pub due: u64,
}

impl Place {
    /// What it is proven for.
    pub const PURPOSE: &str = "place in the line of logins";
    /// A login keeps its order for one exchange, and for one more with a fresh code.
    pub const EXCHANGES: [u8; 2] = [0, 1];
    /// Nobody waits longer.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(600);
    /// Whoever is not there so long after their turn has lost their order, and places that were collected before the rush with it.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Whether the wait goes on at `now`. So long the state that was judged at its beginning counts as fresh.
    pub fn is_good(self, now: u64) -> bool {
        now <= self.since.saturating_add(Self::LONGEST_WAIT.as_millis() as u64)
    }

    /// Whether it still keeps its order at `now`.
    pub fn keeps_order(self, now: u64) -> bool {
        now <= self.due.saturating_add(Self::PATIENCE.as_millis() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { state: [7; 8], since: 1_000_000, due: 1_030_000 };

    #[test]
    fn a_place_that_nobody_claims_within_half_a_minute_of_its_time_has_lost_its_order() {
        assert!(PLACE.keeps_order(1_000_000) && PLACE.keeps_order(1_060_000));
        assert!(!PLACE.keeps_order(1_060_001));
    }

    #[test]
    fn nobody_waits_longer_than_ten_minutes() {
        assert!(PLACE.is_good(1_600_000));
        assert!(!PLACE.is_good(1_600_001));
    }
}
