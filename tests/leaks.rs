//! Everything that the apps of these tests log, at the finest level there is, is looked through for secrets. They are known by their
//! shape, so no test has to say which it used.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use dingtalk_h5::telemetry;
use tracing_subscriber::util::SubscriberInitExt;

/// Lines that should not have been written.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Fails the test at its end if any line so far had a secret. Which app wrote the line is not known: it may be another test's.
pub struct Watch(());

/// Begins to look for secrets in everything that this process logs.
pub fn watch() -> Watch {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| telemetry::json("trace", || Lines).init());
    Watch(())
}

impl Drop for Watch {
    fn drop(&mut self) {
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(found.is_empty() || std::thread::panicking(), "secrets in the log: {found:#?}");
    }
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if has_secret(&text) {
            FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tokens, tickets, codes, keys, states and pre-sessions are long runs of hexadecimal digits; sealed cookies are long runs of base64, and
/// so would everything else be that somebody had encoded; the simulated app's secret is a word. The ids of requests are short, and no
/// other word of ours is as long and as mixed.
fn has_secret(line: &str) -> bool {
    const HEX: usize = 24;
    const BASE64: usize = 40;
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let mixed = |run: &str| {
        run.contains(|c: char| c.is_ascii_digit())
            && run.contains(|c: char| c.is_ascii_uppercase())
            && run.contains(|c: char| c.is_ascii_lowercase())
    };
    line.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= HEX)
        || line.split(|c| !is_base64(c)).any(|run| run.len() >= BASE64 && mixed(run))
        || line.contains("simulated-secret")
}

#[test]
fn secrets_are_known_by_their_shape() {
    for secret in [
        r#"{"message":"code=0123456789abcdef0123456789abcdef"}"#,
        "simulated-secret-not-for-production",
        "session=5Zn1Bo9F0sJp1dEX0pNvYb2T9pE4yS8aQ1rW3uK7m",
        "c2ltdWxhdGVkLXNlY3JldC1ub3QtZm9yLXByb2R1Y3Rpb24=",
    ] {
        assert!(has_secret(secret), "{secret}");
    }
    for harmless in [
        r#"{"timestamp":"2026-01-01T00:00:00.000000Z","level":"INFO","message":"request","request_id":"0123456789abcdef","route":"/api/jsapi/config"}"#,
        "copy both from Developer Console > the app > Credentials and Basic Information",
    ] {
        assert!(!has_secret(harmless), "{harmless}");
    }
}
