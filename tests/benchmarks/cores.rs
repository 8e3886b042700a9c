//! One core for the server, another for the load, so that neither takes the other's time.

use std::ffi::OsStr;
use std::fmt;
use std::process::{Command, Stdio};

const SERVER: &str = "0";
const LOAD: &str = "1";

pub struct Cores {
    /// Of the machine.
    all: usize,
    divided: bool,
}

impl Cores {
    /// Moves this process to the second core, if that is wanted and can be done.
    pub fn divide(wanted: bool) -> Self {
        let all = std::thread::available_parallelism().unwrap().get();
        let pid = std::process::id().to_string();
        let quietly = |arguments: &[&str]| {
            let mut taskset = Command::new("taskset");
            taskset.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
            taskset.status().is_ok_and(|status| status.success())
        };
        let divided = wanted && quietly(&["-c", SERVER, "true"]) && quietly(&["-a", "-c", "-p", LOAD, &pid]);
        Self { all, divided }
    }

    /// A command that starts `program` on the server's core. `std::thread::available_parallelism` is 1 there, so the server has one worker.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        if !self.divided {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER]).arg(program);
        command
    }

    /// How many cores the server has.
    pub fn of_server(&self) -> f64 {
        if self.divided { 1.0 } else { self.all as f64 }
    }

    /// How many cores the machine has.
    pub fn all(&self) -> f64 {
        self.all as f64
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.divided {
            true => "the server pinned to one (one worker), the load to another",
            false => "not pinned, so server and load take each other's time",
        };
        write!(f, "{} cores, {how}", self.all)
    }
}
