//! The seeds that the fuzzer's inputs are grown from, tried on every run of the tests.

use std::path::{Path, PathBuf};

use crate::properties::{accept_language, envelope, login_body, page_url, report, session_cookie, session_payload};

type Property = fn(&[u8]);

const TARGETS: [(&str, Property); 7] = [
    ("accept_language", accept_language),
    ("envelope", envelope),
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
    // In parallel: some of them wait again and again for the next second in which DingTalk may be called.
    std::thread::scope(|scope| {
        let targets = TARGETS.map(|(target, holds)| scope.spawn(move || every_seed_holds(target, holds)));
        targets.into_iter().for_each(|target| target.join().unwrap());
    });
}

fn every_seed_holds(target: &str, holds: Property) {
    let mut seeds = files(&format!("corpus/{target}"));
    assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
    seeds.retain(|seed| {
        let input = std::fs::read(seed).unwrap();
        std::panic::catch_unwind(|| holds(&input)).is_err()
    });
    assert!(seeds.is_empty(), "{seeds:#?}");
}

#[test]
fn every_target_of_the_fuzzer_is_known_here() {
    let mut targets: Vec<_> = files("targets").iter().map(|file| file.file_stem().unwrap().to_owned()).collect();
    targets.sort_unstable();
    assert_eq!(targets, TARGETS.map(|(target, _)| target));
}
