//! What must hold whatever comes in: one function for each parser of ours, which panics when it does not. `tests/fuzz` tries them on
//! millions of inputs, and the test here on the seeds that those are grown from. Nothing of this is in the product.

pub use crate::dingtalk::fuzzing::{envelope, page_url};
pub use crate::web::fuzzing::{accept_language, forwarded_for, login_body, report, session_cookie, session_payload};

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 8] = [
        ("accept_language", accept_language),
        ("envelope", envelope),
        ("forwarded_for", forwarded_for),
        ("login_body", login_body),
        ("page_url", page_url),
        ("report", report),
        ("session_cookie", session_cookie),
        ("session_payload", session_payload),
    ];

    fn files(folder: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn every_seed_of_the_fuzzer_holds() {
        let mut broken = Vec::new();
        for (target, holds) in TARGETS {
            let seeds = files(&format!("corpus/{target}"));
            assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
            broken.extend(seeds.into_iter().filter(|seed| {
                let input = std::fs::read(seed).unwrap();
                std::panic::catch_unwind(|| holds(&input)).is_err()
            }));
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    #[test]
    fn every_target_of_the_fuzzer_is_known_here() {
        let mut targets: Vec<_> = files("targets")
            .iter()
            .map(|file| file.file_stem().unwrap().to_owned())
            .collect();
        targets.sort_unstable();
        assert_eq!(targets, TARGETS.map(|(target, _)| target));
    }
}
