//! The program that drives Chromium. Each test has one, so that nothing of a test outlives it.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Waits for the end of its input, which comes with the end of the test, whatever ends it. Then it kills the driver with every Chromium
/// that it started, and deletes their directory.
const GUARD: &str = r#"trap '' INT HUP TERM; read -r _; kill -s KILL -- "-$1"; until rm -rf "$2"; do sleep 0.1; done"#;

/// How many ports are tried. Even with half of all ports taken, all of them fail only once in a million starts.
const LAUNCHES: usize = 20;

/// A running chromedriver with a directory of its own. Dropping it ends the one and deletes the other.
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
        let (driver, stdout, port) = std::iter::from_fn(|| Some(launch(&chromedriver, &directory)))
            .take(LAUNCHES)
            .find_map(|launched| launched)
            .expect("chromedriver finds no port that is free on IPv4 and IPv6");
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &driver.id().to_string()])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { driver, guard, _stdout: stdout, directory, port }
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
        // Errors are ignored: the message of a failed test matters more.
        let _ = self.guard.wait();
        let _ = self.driver.wait();
    }
}

/// A new directory with a short path. Chromium makes a socket in it: its whole path has a hundred letters at most, and Chromium adds fifty.
fn own_directory() -> PathBuf {
    const LONGEST: usize = 30;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = Some(env::temp_dir()).filter(|usual| usual.as_os_str().len() <= LONGEST).unwrap_or_else(|| "/tmp".into());
    let directory = temporary.join(format!("h5-{}-{count}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    directory
}

/// Starts chromedriver on a port that was free just now. It could choose one itself, but does not print it on a machine without IPv6.
/// Other tests open thousands of sockets and may have taken the port meanwhile: then chromedriver says so and ends, and this is None.
fn launch(chromedriver: &Path, directory: &Path) -> Option<(Child, BufReader<ChildStdout>, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut driver = Command::new(chromedriver)
        .arg(format!("--port={port}"))
        // Chromium writes more files than its profile: sockets, crash reports, caches.
        .env("TMPDIR", directory)
        .env("HOME", directory)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(driver.stdout.take().unwrap());
    let said = announcement(&mut stdout);
    let last = said.last().cloned().unwrap_or_default();
    if last.contains("port not available") {
        driver.wait().unwrap();
        return None;
    }
    assert!(last.contains("started successfully"), "chromedriver ended before it listened: {said:?}");
    Some((driver, stdout, port))
}

/// What chromedriver says until it listens, "ChromeDriver was started successfully on port 40123.", or until it gives up.
fn announcement(stdout: &mut impl BufRead) -> Vec<String> {
    let mut said = Vec::new();
    for line in stdout.lines() {
        said.push(line.unwrap());
        if said.last().is_some_and(|line| line.contains("started successfully") || line.contains("port not available")) {
            break;
        }
    }
    said
}

/// The first of these programs that is on the PATH.
pub fn program(names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|candidate| Path::is_file(candidate))
        .unwrap_or_else(|| panic!("no {} on the PATH: tests/run installs what the tests need", names.join(" or ")))
}
