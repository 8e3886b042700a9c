//! What the tests take from npm: DingTalk's own library, and checkers for scripts, styles and pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::SystemTime;

static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    if is_stale(&tools) {
        let directory = tools.display().to_string();
        let installed = run("npm", &["ci", "--no-audit", "--no-fund", "--prefix", &directory], &tools);
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
    tools
});

/// The directory of the packages, once they are installed.
pub fn tools() -> &'static Path {
    &TOOLS
}

/// Runs a script in `tests/node`, its own or a package's, from within `directory`.
pub fn node(script: &str, arguments: &[&str], directory: &Path) -> Output {
    let script = tools().join(script).display().to_string();
    let arguments: Vec<&str> = std::iter::once(script.as_str()).chain(arguments.iter().copied()).collect();
    run("node", &arguments, directory)
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    output.unwrap_or_else(|error| panic!("no {program} ({error}): tests/run installs what the tests need"))
}

/// Whether the packages are missing or older than `package-lock.json`.
fn is_stale(tools: &Path) -> bool {
    let changed = |file: &str| fs::metadata(tools.join(file)).and_then(|file| file.modified());
    let installed = changed("node_modules/.package-lock.json").unwrap_or(SystemTime::UNIX_EPOCH);
    installed < changed("package-lock.json").unwrap()
}
