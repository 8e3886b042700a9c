//! DingTalk's own library from npm, unmodified, in three versions: bundled once per test process, never committed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io};

use crate::npm;

/// Of the years 2020, 2022 and 2025; each is the oldest of a way to behave.
pub const VERSIONS: [&str; 3] = ["2.10.3", "3.0.12", NEWEST];
pub const NEWEST: &str = "3.2.9";

static BUNDLES: LazyLock<PathBuf> = LazyLock::new(bundle);

/// The script of a version, as the CDN serves it.
pub fn script(version: &str) -> io::Result<String> {
    fs::read_to_string(BUNDLES.join(format!("{version}.js")))
}

/// Makes the bundles now, so that the time that takes is nobody's waiting time.
pub fn prepare() {
    LazyLock::force(&BUNDLES);
}

fn bundle() -> PathBuf {
    let bundles = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dingtalk-jsapi");
    let made = npm::node("bundle.mjs", &[&bundles.display().to_string()], npm::tools());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    bundles
}
