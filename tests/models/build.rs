//! Copies the product's own `refreshing.rs`, with the types for concurrency replaced by the model checker's.

use std::path::Path;

const SOURCE: &str = "../../src/dingtalk/refreshing.rs";

/// Lines of the product, and what stands in the copy instead.
const PIECES: [(&str, &str); 3] = [
    ("use parking_lot::{Mutex, MutexGuard};", "use super::pieces::{Mutex, MutexGuard};"),
    ("use arc_swap::ArcSwapOption;", "use super::pieces::ArcSwapOption;"),
    ("use tokio::runtime::Handle;", "use super::pieces::Handle;"),
];

fn main() {
    println!("cargo:rerun-if-changed={SOURCE}");
    let source = std::fs::read_to_string(SOURCE).unwrap();
    let (product, _tests) = source.split_once("#[cfg(test)]").unwrap();
    // What is included must not begin with the documentation of a file.
    let mut copy = product.replace("//!", "//");
    for (line, replacement) in PIECES {
        assert_eq!(copy.matches(line).count(), 1, "{SOURCE} has not the line: {line}");
        copy = copy.replace(line, replacement);
    }
    // Tokio's `watch` stays the real one: it waits by wakers, which are the checker's. Nothing else may slip by.
    for name in ["std::sync::", "arc_swap::", "parking_lot::", "tokio::"] {
        let left: Vec<_> = copy.lines().filter(|line| line.contains(name)).collect();
        let known = |line: &&str| ["use std::sync::Arc;", "use tokio::sync::watch;"].contains(line);
        assert!(left.iter().all(known), "{SOURCE} uses what the checker does not see: {left:?}");
    }
    let target = Path::new(&std::env::var("OUT_DIR").unwrap()).join("refreshing.rs");
    std::fs::write(target, copy).unwrap();
}
