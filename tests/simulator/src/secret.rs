//! Generates values that nobody can guess, and redacts secrets from the ledger's texts.

use rand::random;

/// 32 random hexadecimal digits, as in an access_token and an authCode.
pub fn hex32() -> String {
    format!("{:032x}", random::<u128>())
}

/// 64 random hexadecimal digits, as in a jsapi_ticket.
pub fn hex64() -> String {
    hex32() + &hex32()
}

/// Replaces every long run of hexadecimal digits, which is the shape of every secret this simulator hands out (and of
/// a signature), and the seeded apps' own secrets.
pub fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    for app in crate::world::SEEDED {
        text = text.replace(app.client_secret, "…");
    }
    let mut clean = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        if character.is_ascii_hexdigit() {
            run.push(character);
        } else {
            flush(&mut run, &mut clean);
            clean.push(character);
        }
    }
    flush(&mut run, &mut clean);
    clean
}

fn flush(run: &mut String, clean: &mut String) {
    const SHORTEST: usize = 32;
    clean.push_str(if run.len() >= SHORTEST { "…" } else { run });
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_handed_out_is_redacted() {
        for value in [hex32(), hex64()] {
            assert_eq!(redacted(&format!("code={value}&x=1")), "code=…&x=1");
        }
        assert_eq!(redacted("simulated-secret-not-for-production"), "…");
    }

    #[test]
    fn ordinary_text_stays() {
        let text = "POST /topapi/v2/user/getuserinfo 张三 feedface";
        assert_eq!(redacted(text), text);
    }
}
