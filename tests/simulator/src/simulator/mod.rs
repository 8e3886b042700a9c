//! The handle that a test holds.

mod third_party;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::{System, spawn};
use actix_web::web::Data;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::events;
use crate::server::{self, Places, within_reach};
use crate::upstream::{Api, Fault, Faults, MadeUp, Pace, documented, known};
use crate::world::{Answers, App, Client, Holder, INTERNAL, Shared, World, millis};

/// The clientId of another app of the same organisation: its authCodes are not valid for the app under test.
const FOREIGN_CLIENT_ID: &str = "dingsomebodyelse1";

/// A running simulated DingTalk. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    shared: Data<Shared>,
    address: SocketAddr,
    server: ServerHandle,
}

impl Simulator {
    /// Starts on a free port of this machine.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(Places::default()).await
    }

    /// Starts on a listener that is already bound.
    pub async fn start_on(listener: TcpListener) -> io::Result<Self> {
        Self::start_at(Places { main: Some(listener), ..Places::default() }).await
    }

    /// Starts on the given listeners. The server has a thread of its own, so a test that blocks its runtime does not block the simulator.
    pub async fn start_at(places: Places) -> io::Result<Self> {
        let shared = Data::new(Shared::default());
        let (started, start) = oneshot::channel();
        let seen_by_server = shared.clone();
        thread::Builder::new().name("simulated-dingtalk".to_owned()).spawn(move || run(places, seen_by_server, started))?;
        let (server, address) = start.await.map_err(|_| io::Error::other("the simulator's thread died"))??;
        Ok(Self { shared, address: within_reach(address), server })
    }

    /// The base URL of both API families, the client library and the console.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of the old API family: the same as [`Self::url`], unless it was given a listener of its own.
    #[must_use]
    pub fn old_url(&self) -> String {
        format!("http://{}", self.shared.world().setup.old.map_or(self.address, within_reach))
    }

    /// The certificate that callers over HTTPS have to trust, if it has HTTPS.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        self.shared.world().setup.authority.clone()
    }

    /// The registration of the internal app, which is under test at first.
    #[must_use]
    pub fn app(&self) -> &'static App {
        &INTERNAL
    }

    /// Sets the URL at which the console opens the app under test.
    pub fn show_app(&self, url: impl Into<String>) {
        self.shared.world().setup.app_url = Some(url.into());
    }

    /// Moves the simulated clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.world().advance(by);
    }

    /// Sets the lifetime of access_tokens and jsapi_tickets from the next call on; at the start it is two hours. `expireIn` is in whole
    /// seconds.
    pub fn credentials_live_for(&self, life: Duration) {
        let mut world = self.shared.world();
        world.tokens.live_for(millis(life));
        world.tickets.live_for(millis(life));
    }

    /// Signs somebody in to the client.
    ///
    /// # Panics
    /// When nobody has this userId: a slip in the test.
    #[track_caller]
    pub fn sign_in(&self, user_id: &str) {
        let mut world = self.shared.world();
        let corp_id = world.first_corp_id().to_owned();
        let Some(organisation) = world.organisation_mut(&corp_id) else { panic!("no organisation") };
        let Some(person) = organisation.person(user_id).cloned() else { panic!("nobody has the userId {user_id}") };
        organisation.sign_in(person);
    }

    /// Sets how the client answers requests for an authCode, and whether pages run outside the client, in an ordinary browser.
    pub fn client(&self, answers: Answers, outside: bool) {
        self.shared.world().client = Client { answers, outside };
    }

    /// Applies a fault to the next `times` calls of an endpoint. The endpoint is a path such as `/topapi/v2/user/get`; it need not be
    /// simulated, and `{…}` in it stands for any one segment.
    ///
    /// # Panics
    /// When the endpoint is no path, `times` is 0, or the fault cannot occur at this endpoint: a slip in the test.
    #[track_caller]
    pub fn fault(&self, endpoint: &str, times: u32, fault: Fault) {
        assert!(times > 0, "a fault for no call");
        let path = endpoint.split_once(' ').map_or(endpoint, |(_, path)| path);
        assert!(path.starts_with('/'), "an endpoint is a path; known are {}", known());
        if let Some(objection) = fault.objection(path) {
            panic!("{objection}");
        }
        self.shared.world().faults.add(path, times, fault);
    }

    /// Makes up the answer to a call that is not simulated: `GET /v1.0/todo/users/{unionId}/tasks` with status 200 and
    /// `{"todoCards":[]}`, or `POST /topapi/attendance/list`, whose status is always 200 and whose `errcode` is 0 if the answer has none.
    /// It is given to callers with a valid access_token.
    ///
    /// # Panics
    /// When the simulator answers this call itself, or DingTalk never answers so: a slip in the test.
    #[track_caller]
    pub fn answer(&self, endpoint: &str, status: u16, answer: Value) {
        let Value::Object(answer) = answer else { panic!("an answer is an object") };
        let made_up = MadeUp { endpoint: endpoint.to_owned(), status, answer };
        if let Some(objection) = made_up.objection() {
            panic!("{objection}");
        }
        self.shared.world().made_up.add(made_up);
    }

    /// Sets how many calls of one API DingTalk accepts from one app in any second of real time; `None` is no limit.
    ///
    /// # Panics
    /// When the limit is 0: a slip in the test.
    #[track_caller]
    pub fn calls_per_second(&self, limit: Option<u32>) {
        assert_ne!(limit, Some(0), "a limit that lets nothing in");
        self.shared.world().setup.calls_per_second = limit;
    }

    /// How many calls of an endpoint, written as `/topapi/v2/user/get`, the app made, and how many were refused by the limit. Calls of a
    /// third-party app are counted per organisation, and only `/control/limits` shows them.
    ///
    /// # Panics
    /// When there is no such endpoint: a slip in the test.
    #[track_caller]
    #[must_use]
    pub fn pace(&self, endpoint: &str) -> Pace {
        let world = self.shared.world();
        world.paces.pace(Holder::new(&world.setup.under_test, ""), api(endpoint))
    }

    /// Removes the faults that no call has used up.
    pub fn clear_faults(&self) {
        self.shared.world().faults = Faults::default();
    }

    /// How often an endpoint was called, written as in the ledger: `POST /v1.0/oauth2/accessToken`.
    #[must_use]
    pub fn calls(&self, endpoint: &str) -> u64 {
        self.shared.world().ledger.calls(endpoint)
    }

    /// How often the app called either API family.
    #[must_use]
    pub fn upstream_calls(&self) -> u64 {
        self.shared.world().ledger.upstream_calls()
    }

    /// The texts of the latest work notifications to somebody of the first organisation, the newest first.
    #[must_use]
    pub fn notifications(&self, user_id: &str) -> Vec<String> {
        let corp_id = self.shared.world().first_corp_id().to_owned();
        self.notifications_at(&corp_id, user_id)
    }

    /// The same of somebody of another organisation.
    #[must_use]
    pub fn notifications_at(&self, corp_id: &str, user_id: &str) -> Vec<String> {
        let world = self.shared.world();
        world.notifications.latest(corp_id, user_id).map(|notification| notification.text.clone()).collect()
    }

    /// An authCode as the client hands it to a page of the app.
    ///
    /// # Panics
    /// When nobody has this userId: a slip in the test.
    #[track_caller]
    #[must_use]
    pub fn issue_code(&self, user_id: &str) -> String {
        let mut world = self.shared.world();
        let corp_id = world.first_corp_id().to_owned();
        let client_id = world.setup.under_test.clone();
        issue(&client_id, &corp_id, user_id, &mut world)
    }

    /// How often an authCode was sent in again, other than after its access_token was refused: an app must never do that.
    #[must_use]
    pub fn codes_sent_again(&self) -> u64 {
        self.shared.world().codes.sent_again()
    }

    /// An authCode of another app.
    #[must_use]
    pub fn issue_foreign_code(&self) -> String {
        let mut world = self.shared.world();
        let corp_id = world.first_corp_id().to_owned();
        issue(FOREIGN_CLIENT_ID, &corp_id, "zhangsan", &mut world)
    }

    /// Stops, and returns when nothing is listening any more.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The call itself sends the command; awaiting its future would only wait until the server has stopped.
        drop(self.server.stop(false));
    }
}

type Started = io::Result<(ServerHandle, SocketAddr)>;

fn run(places: Places, shared: Data<Shared>, started: oneshot::Sender<Started>) {
    System::new().block_on(async move {
        match server::bind(places, shared.clone()) {
            Ok((server, address)) => {
                spawn(events::run(shared));
                // If this fails, `start_at` was cancelled, and nobody needs the server.
                if started.send(Ok((server.handle(), address))).is_ok() {
                    // A test has no use for the server's result.
                    let _ = server.await;
                }
            }
            Err(error) => drop(started.send(Err(error))),
        }
    });
}

#[track_caller]
fn api(endpoint: &str) -> &'static Api {
    match documented(endpoint) {
        Some(api) => api,
        None => panic!("unknown endpoint {endpoint}; known are {}", known()),
    }
}

#[track_caller]
fn issue(client_id: &str, corp_id: &str, user_id: &str, world: &mut World) -> String {
    let now = world.now();
    let Some(person) = world.person(corp_id, user_id).cloned() else { panic!("nobody has the userId {user_id}") };
    world.codes.issue(Holder::new(client_id, corp_id), person, now)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    #[tokio::test]
    async fn several_simulators_in_one_process_are_strangers() {
        let one = Simulator::start().await.expect("one");
        let other = Simulator::start().await.expect("another");
        one.sign_in("bob");
        get(one.address, "/gettoken");
        assert!(get(one.address, "/control/state").contains(r#""signedIn":"bob""#));
        assert!(get(other.address, "/control/state").contains(r#""signedIn":"zhangsan""#));
        assert_eq!((one.calls("GET /gettoken"), one.upstream_calls()), (1, 1));
        assert_eq!(other.upstream_calls(), 0);
    }

    #[tokio::test]
    async fn nothing_listens_after_the_stop() {
        let simulator = Simulator::start().await.expect("a simulator");
        let address = simulator.address;
        simulator.stop().await;
        assert!(TcpStream::connect(address).is_err());
    }
}
