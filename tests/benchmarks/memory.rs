//! How much memory the program has, and whether it grows.

use super::connection::Connection;
use super::cores::Cores;
use super::load::{Asking, busy_for};
use super::options::Options;
use super::person::{self, is_signed_page};
use super::server::Server;
use super::upstream::Upstream;

pub async fn measure(options: &Options, cores: &Cores) {
    println!("\nResident memory, while signed pages are asked for over {} connections", options.connections);
    let dingtalk = Upstream::start();
    let program = Server::program(cores, &dingtalk);
    let mib = || program.resident_kib() as f64 / 1024.0;
    println!("at the start           {:.1} MiB   aim < 15", mib());
    let session = person::log_in(&mut Connection::open(program.address).await, "code").await;
    let request = person::get("/jsapi", &session);
    let mut asking = Asking::many(options.connections, program.address, &request, is_signed_page).await;
    let mut asked = 0;
    let mut before = 0.0;
    for requests in [options.requests / 10, options.requests] {
        while asked < requests {
            asked += busy_for(options.round().min(std::time::Duration::from_millis(200)), &mut asking).await;
        }
        let now = mib();
        let growth = if before > 0.0 { format!("   {:+.1} MiB, aim 0", now - before) } else { String::new() };
        println!("after {asked:>9} pages  {now:.1} MiB{growth}");
        before = now;
    }
}
