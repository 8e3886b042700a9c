//! What goes wrong at DingTalk, by chance, and again in the same way when it is given the same seed.

use dingtalk_simulator::{BanForm, Fault, Simulator};
use rand::prelude::*;
use rand::rngs::StdRng;

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";
const DETAILS: &str = "/topapi/v2/user/get";
const TOKEN: &str = "/v1.0/oauth2/accessToken";
const TICKET: &str = "/v1.0/oauth2/jsapiTickets";

/// The seed to start from: SOAK_SEED, to see again what was seen before, or any.
pub fn seed() -> u64 {
    let seed = match std::env::var("SOAK_SEED") {
        Ok(given) => given.parse().expect("SOAK_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("SOAK_SEED={seed}");
    seed
}

/// Mishaps, one after the other.
pub struct Mishaps {
    chance: StdRng,
    /// Whether some stop all calls for long.
    lasting: bool,
}

impl Mishaps {
    pub fn new(seed: u64) -> Self {
        Self { chance: StdRng::seed_from_u64(seed), lasting: true }
    }

    /// Leaves out what stops all calls for long, for a clock that cannot be moved: what the app takes for a ban, which lasts five minutes,
    /// and failed fetches of a credential, for which everybody waits.
    pub fn without_lasting_ones(mut self) -> Self {
        self.lasting = false;
        self
    }

    /// Prepares a mishap every third time on average, mostly for logins. Credentials are fetched seldom, so their mishaps would only pile
    /// up.
    pub fn befall(&mut self, dingtalk: &Simulator) {
        if !self.chance.random_ratio(1, 3) {
            return;
        }
        let endpoint = match self.chance.random_range(0..40) {
            0 => TOKEN,
            1 => TICKET,
            2..8 => DETAILS,
            _ => EXCHANGE,
        };
        let times = self.chance.random_range(1..=2);
        dingtalk.fault(endpoint, times, self.fault(endpoint));
    }

    fn fault(&mut self, endpoint: &str) -> Fault {
        // After each ban DingTalk is not called for five minutes, in which nothing else can go wrong.
        if self.lasting && self.chance.random_ratio(1, 150) {
            return self.ban();
        }
        // After a refusal the app pauses for seconds, and the next refusal would be due by then.
        if !self.lasting && [TOKEN, TICKET].contains(&endpoint) {
            return Fault::Delay { milliseconds: self.chance.random_range(10..300) };
        }
        match self.chance.random_range(0..100) {
            0..12 => Fault::Busy,
            // All but this one take an access_token.
            12..24 if endpoint != TOKEN => Fault::RevokedToken,
            24..36 => Fault::Lost,
            36..48 => Fault::Cut,
            48..58 => Fault::Status { status: *[302, 400, 404, 500, 502, 503, 504].choose(&mut self.chance).unwrap() },
            58..70 => Fault::Delay { milliseconds: self.chance.random_range(10..300) },
            70..80 => Fault::Drip { milliseconds: 1 },
            80..86 => Fault::Permission,
            // Only this endpoint has anything to do with authCodes.
            86..92 if endpoint == EXCHANGE => Fault::AuthCodeError,
            // Longer than anybody waits for DingTalk.
            92..94 => Fault::Delay { milliseconds: 6_000 },
            94..96 => Fault::Drip { milliseconds: 500 },
            _ => Fault::Busy,
        }
    }

    fn ban(&mut self) -> Fault {
        let bans = [
            Fault::Html,
            Fault::Status { status: 403 },
            Fault::Status { status: 429 },
            Fault::Ban { form: BanForm::Json },
            Fault::Ban { form: BanForm::Html },
        ];
        bans.choose(&mut self.chance).unwrap().clone()
    }
}
