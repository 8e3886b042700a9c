//! Which authCodes have been here.

use std::time::Duration;

use super::error::Problem;
use super::once::{Claim, Once, Taken};
use crate::dingtalk::{AuthCode, Clock};

/// The authCodes that were brought here, for as long as DingTalk would know them. A code is sent to DingTalk once.
pub struct SpentCodes {
    codes: Once<[u8; 32]>,
    clock: Clock,
}

impl SpentCodes {
    /// DingTalk forgets a code after five minutes (contract 5.1).
    const GOOD_FOR: Duration = Duration::from_secs(300);

    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            codes: Once::new(Self::GOOD_FOR),
            clock,
        }
    }

    /// Takes a code for one exchange, and for ever: what is done with the claim does not matter.
    pub fn claim(&self, code: &AuthCode) -> Result<Exchange<'_>, Problem> {
        let (fingerprint, now) = (code.fingerprint(), self.clock.now());
        let claim = self.codes.claim(fingerprint, now).map_err(|taken| match taken {
            Taken::UnderWay => Problem::CodeInUse,
            Taken::Spent => Problem::CodeRejected(None),
        })?;
        Ok(Exchange {
            codes: self,
            fingerprint,
            _claim: claim,
        })
    }
}

/// One code on its way. However it ends, even if the browser goes away in the middle, the code is spent.
pub struct Exchange<'a> {
    codes: &'a SpentCodes,
    fingerprint: [u8; 32],
    _claim: Claim<'a, [u8; 32]>,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.codes.codes.spend(self.fingerprint, self.codes.clock.now());
    }
}
