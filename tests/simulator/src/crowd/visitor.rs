//! One of a crowd: opens the app as the client would, and logs in as its page would.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;
use url::Url;

use super::{Plan, Progress};
use crate::world::{Holder, Person, Shared, World};

const CLIENT: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 \
                      Mobile Safari/537.36 AliApp(DingTalk/8.1.10) com.alibaba.android.rimet/0 Channel/0 language/zh-CN";
/// A code is valid for five minutes; an older one than this is not sent, because it might expire on its way.
const CODE_IS_FRESH: Duration = Duration::from_secs(4 * 60);
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The shortest wait before a queued login is sent again, even if the app says to wait less.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// One person of a crowd, who logs in.
pub struct Visitor {
    http: Client,
    home: Url,
    holder: Holder,
    person: Arc<Person>,
    shared: Data<Shared>,
    /// The crowd that they came with.
    crowd: Arc<Progress>,
    cookies: BTreeMap<String, String>,
}

/// Why somebody did not get in.
#[derive(Debug)]
pub enum Failure {
    NoAnswer,
    /// The page has no `data-state`.
    NoEntryPage(StatusCode),
    Refused(StatusCode, String),
    /// The login was still queued when the time was over.
    Queued,
    /// The world was reset meanwhile.
    Dismissed,
}

/// An app's answer to a login.
enum Verdict {
    In,
    Queued { place: Value, wait: Duration },
}

impl Visitor {
    /// A visitor for one person of a plan.
    pub fn new(http: Client, person: Arc<Person>, plan: &Plan, shared: Data<Shared>) -> Self {
        let (home, holder, crowd) = (plan.home.clone(), plan.holder.clone(), plan.progress.clone());
        Self { http, home, holder, person, shared, crowd, cookies: BTreeMap::new() }
    }

    pub async fn log_in(mut self) -> Result<(), Failure> {
        let state = self.open().await?;
        let began = Instant::now();
        let (mut code, mut issued_at) = (self.code()?, began);
        let mut login = json!({"authCode": code, "state": state});
        while began.elapsed() < PATIENCE {
            match self.post(&login).await? {
                Verdict::In => return Ok(()),
                Verdict::Queued { place, wait } => {
                    login["place"] = place;
                    sleep(wait.max(SHORTEST_WAIT)).await;
                }
            }
            if issued_at.elapsed() >= CODE_IS_FRESH {
                (code, issued_at) = (self.code()?, Instant::now());
                login["authCode"] = json!(code);
            }
        }
        Err(Failure::Queued)
    }

    /// Opens the app, as a navigation from the workbench. Returns the state that the entry page carries.
    async fn open(&mut self) -> Result<String, Failure> {
        let request = self.http.get(self.home.clone());
        let request = request.header("sec-fetch-site", "none").header("sec-fetch-mode", "navigate");
        let response = self.send(request.header("sec-fetch-dest", "document").header("accept", "text/html")).await?;
        let status = response.status();
        let page = response.text().await.map_err(|_| Failure::NoAnswer)?;
        attribute(&page, "data-state").map(str::to_owned).ok_or(Failure::NoEntryPage(status))
    }

    async fn post(&mut self, login: &Value) -> Result<Verdict, Failure> {
        let mut address = self.home.clone();
        address.set_path("/api/login");
        address.set_query(None);
        let request = self.http.post(address).header(ORIGIN, self.home.origin().ascii_serialization());
        let request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors");
        let response = self.send(request.header(CONTENT_TYPE, "application/json").body(login.to_string())).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Verdict::In);
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let said: Value = response.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        match said["code"].as_str() {
            Some("login_queued") if status == StatusCode::TOO_MANY_REQUESTS => {
                Ok(Verdict::Queued { place: said["place"].clone(), wait: Duration::from_secs(retry_after.unwrap_or_default()) })
            }
            code => Err(Failure::Refused(status, code.unwrap_or_default().chars().take(40).collect())),
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Response, Failure> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(USER_AGENT, CLIENT).header(COOKIE, cookies.join("; "));
        drop(self.world()?);
        let response = request.send().await.map_err(|_| Failure::NoAnswer)?;
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().ok().and_then(|set| set.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(response)
    }

    fn code(&self) -> Result<String, Failure> {
        let mut world = self.world()?;
        let now = world.now();
        Ok(world.codes.issue(self.holder.clone(), self.person.clone(), now))
    }

    /// Locks the world. It is an error if the world was reset since the crowd came: its people must not change the next world.
    fn world(&self) -> Result<MutexGuard<'_, World>, Failure> {
        let world = self.shared.world();
        let is_theirs = world.crowd.as_ref().is_some_and(|crowd| Arc::ptr_eq(crowd, &self.crowd));
        is_theirs.then_some(world).ok_or(Failure::Dismissed)
    }
}

fn attribute<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => to.write_str("no answer"),
            Self::NoEntryPage(status) => write!(to, "no entry page ({})", status.as_u16()),
            Self::Refused(status, code) => write!(to, "{} {code}", status.as_u16()),
            Self::Queued => to.write_str("still in the queue after ten minutes"),
            Self::Dismissed => to.write_str("the world was begun anew"),
        }
    }
}
