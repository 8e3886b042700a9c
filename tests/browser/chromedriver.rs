//! The program that drives Chromium. Each test has one, so that nothing of a test outlives it.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Waits for the end of its input, which comes with the end of the test, whatever ends it. Then it ends the driver with every Chromium
/// that it started, and clears up after them.
const GUARD: &str = r#"trap '' INT HUP TERM; read -r _; kill -s KILL -- "-$1"; until rm -rf "$2"; do sleep 0.1; done"#;

/// A running chromedriver with a directory of its own. Both are gone when it is dropped.
pub struct Chromedriver {
    driver: Child,
    guard: Child,
    _stdout: BufReader<ChildStdout>,
    directory: PathBuf,
    port: u16,
}

impl Chromedriver {
    pub fn start() -> Self {
        let chromedriver = program(&["chromedriver"]);
        let directory = own_directory();
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            // Chromium keeps more than its profile: sockets, crash reports, caches.
            .env("TMPDIR", &directory)
            .env("HOME", &directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &driver.id().to_string()])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(driver.stdout.take().unwrap());
        let port = announced_port(&mut stdout);
        Self {
            driver,
            guard,
            _stdout: stdout,
            directory,
            port,
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn profile(&self) -> PathBuf {
        self.directory.join("profile")
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // A test that fails has something better to say than this.
        let _ = self.guard.wait();
        let _ = self.driver.wait();
    }
}

fn own_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = env::temp_dir().join(format!("dingtalk-h5-chromium-{}-{count}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    directory
}

/// With `--port=0` the kernel chooses: "ChromeDriver was started successfully on port 40123."
fn announced_port(stdout: &mut impl BufRead) -> u16 {
    let announcement = stdout
        .lines()
        .map(Result::unwrap)
        .find(|line| line.contains("started successfully"))
        .expect("chromedriver ended before it listened");
    announcement
        .trim_end_matches('.')
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// The first of these programs that is on the PATH.
pub fn program(names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|candidate| Path::is_file(candidate))
        .unwrap_or_else(|| {
            panic!(
                "no {} on the PATH: tests/run installs what the tests need",
                names.join(" or ")
            )
        })
}
