//! How fast the program is, beside a bare actix handler in a process of the same shape. Run by hand: `tests/bench`.
//!
//! Absolute figures belong to one machine on one day; the ratios are what is looked at. The server has one core and the load
//! another, when there is `taskset`. The program runs as in production: release build, https cookies, a JSON log that goes to a file.

#![allow(missing_docs, reason = "a program of its own that nobody links to")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

mod bare;
mod connection;
mod cores;
mod counts;
mod load;
mod login;
mod memory;
mod options;
#[path = "../own_settings.rs"]
mod own_settings;
mod pages;
mod person;
mod redis;
mod renewal;
mod rounds;
mod rush;
mod server;
mod upstream;

use clap::Parser;

use self::cores::Cores;
use self::options::{Command, Options, Part};

fn main() {
    let options = Options::parse();
    match options.command {
        Some(Command::Bare { bytes }) => actix_web::rt::System::new().block_on(bare::serve(bytes)),
        None => {
            let cores = Cores::divide(!options.unpinned);
            println!("{cores}; {options}");
            actix_web::rt::System::new().block_on(run(&options, &cores));
        }
    }
}

async fn run(options: &Options, cores: &Cores) {
    if options.wants(Part::Pages) {
        pages::measure(options, cores).await;
    }
    if options.wants(Part::Login) {
        login::measure(options, cores).await;
    }
    if options.wants(Part::Counts) {
        counts::measure(cores).await;
    }
    if options.wants(Part::Renewal) {
        renewal::measure(options, cores).await;
    }
    if options.wants(Part::Rush) {
        rush::measure(cores).await;
    }
    if options.wants(Part::Memory) {
        memory::measure(options, cores).await;
    }
}
