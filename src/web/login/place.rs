//! A place in the line of logins: what a login that has to post again brings along to keep its order. Sealed and bound to the browser,
//! so that the server keeps nothing and a restart loses nothing.

use std::time::Duration;

use super::seal::Seals;
use super::state::StateId;

/// Where somebody stands in the line of logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The login that it is a place of.
    pub state: StateId,
    /// When that came, in Unix milliseconds.
    pub since: u64,
    /// When its turn was expected, likewise.
    pub due: u64,
}

impl Place {
    /// What the keys are for that seal them.
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

    /// For the browser with this pre-session.
    pub fn seal(self, seals: &Seals, presession: &str) -> String {
        let bytes = self.to_bytes();
        hex::encode([&bytes[..], &seals.seal(&[presession.as_bytes(), &bytes])].concat())
    }

    /// The place that `sealed` is, if it was given to the browser with this pre-session.
    pub fn open(seals: &Seals, sealed: &str, presession: &str) -> Option<Self> {
        let sealed: [u8; 56] = hex::decode(sealed).ok()?.try_into().ok()?;
        let (bytes, seal) = sealed.split_first_chunk::<24>()?;
        seals.is_genuine(&[presession.as_bytes(), bytes], seal).then(|| Self::from_bytes(*bytes))
    }

    fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.state);
        bytes[8..16].copy_from_slice(&self.since.to_be_bytes());
        bytes[16..].copy_from_slice(&self.due.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 24]) -> Self {
        let part = |nth: usize| std::array::from_fn(|byte| bytes[nth * 8 + byte]);
        Self { state: part(0), since: u64::from_be_bytes(part(1)), due: u64::from_be_bytes(part(2)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::session::SessionKeys;

    const PLACE: Place = Place { state: [7; 8], since: 1_000_000, due: 1_030_000 };

    fn seals() -> Seals {
        let keys = SessionKeys::parse(&hex::encode(rand::random::<[[u8; 32]; 2]>().concat()).into()).unwrap();
        Seals::new(&keys, Place::PURPOSE)
    }

    #[test]
    fn a_place_is_good_for_the_browser_that_got_it_and_for_nobody_else() {
        let seals = seals();
        let sealed = PLACE.seal(&seals, "one browser");
        assert_eq!(Place::open(&seals, &sealed, "one browser"), Some(PLACE));
        assert_eq!(Place::open(&seals, &sealed, "another"), None);
        assert_eq!(Place::open(&self::seals(), &sealed, "one browser"), None);
        for nth in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged.replace_range(nth..=nth, if &sealed[nth..=nth] == "0" { "1" } else { "0" });
            assert_eq!(Place::open(&seals, &forged, "one browser"), None, "{nth}");
        }
        for malformed in ["", "00", &sealed[2..], &format!("{sealed}00"), "place"] {
            assert_eq!(Place::open(&seals, malformed, "one browser"), None);
        }
    }

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
