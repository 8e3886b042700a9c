//! DingTalk's own library from npm, unmodified, in three versions: bundled once per test process, never committed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io};

use crate::npm;

/// Released in 2020, 2022 and 2025. Each is the oldest version that behaves as it does.
pub const VERSIONS: [&str; 3] = ["2.10.3", "3.0.12", NEWEST];
pub const NEWEST: &str = "3.2.9";

static BUNDLES: LazyLock<PathBuf> = LazyLock::new(bundle);

/// The script of a version, as the CDN serves it.
pub fn script(version: &str) -> io::Result<String> {
    fs::read_to_string(BUNDLES.join(format!("{version}.js")))
}

/// Makes the bundles now, so that no page waits for them.
pub fn prepare() {
    LazyLock::force(&BUNDLES);
}

fn bundle() -> PathBuf {
    let bundles = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dingtalk-jsapi");
    let made = npm::node("bundle.mjs", &[&bundles.display().to_string()], npm::tools());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    bundles
}
