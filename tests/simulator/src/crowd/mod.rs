//! Many people who open the app at once, as at nine o'clock: `POST /control/crowd`.

mod progress;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::spawn;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tokio::time::sleep;
use url::Url;

use crate::control::state;
use crate::server::malformed;
use crate::web_client::web_client;
use crate::world::{Holder, Person, Shared, World};
use visitor::Visitor;

pub use progress::Progress;

const MOST_PEOPLE: usize = 10_000;
const LONGEST: u64 = 600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Crowd {
    #[serde(default = "three_hundred")]
    people: usize,
    /// The time within which they come, at even intervals.
    #[serde(default = "five")]
    seconds: u64,
}

fn three_hundred() -> usize {
    300
}

fn five() -> u64 {
    5
}

/// Where a crowd goes, who is in it, and where its progress is counted.
struct Plan {
    home: Url,
    holder: Holder,
    people: Vec<Arc<Person>>,
    progress: Arc<Progress>,
}

pub async fn come(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let crowd: Crowd = match serde_json::from_slice(if body.is_empty() { b"{}" } else { &body }) {
        Ok(crowd) => crowd,
        Err(error) => return malformed(&error.to_string()),
    };
    let planned = crowd.plan(&mut shared.world());
    match planned {
        Ok(plan) => crowd.set_out(&plan, &shared),
        Err(reason) => return malformed(&reason),
    }
    state::show(request, shared).await
}

impl Crowd {
    fn plan(&self, world: &mut World) -> Result<Plan, String> {
        if !(1..=MOST_PEOPLE).contains(&self.people) || self.seconds > LONGEST {
            return Err(format!("people is between 1 and {MOST_PEOPLE}, seconds at most {LONGEST}"));
        }
        if world.crowd.as_ref().is_some_and(|earlier| !earlier.is_over()) {
            return Err("a crowd is still on its way in".to_owned());
        }
        world.setup.app_url.as_ref().ok_or("nobody knows where the app is: POST /control/app")?;
        let app = world.under_test().ok_or("there is no app")?;
        let corp_id = app.installations.keys().find(|corp_id| app.is_open_at(corp_id)).cloned();
        let corp_id = corp_id.ok_or("no organisation has the app")?;
        let holder = Holder::new(&app.client_id, &corp_id);
        let home = world.home(&corp_id).ok_or("the app's address is none")?;
        let people = world.organisation_mut(&corp_id).map(|organisation| organisation.crowd(self.people)).unwrap_or_default();
        let progress = Arc::new(Progress::new(self.people, world.paces.refused()));
        world.crowd = Some(progress.clone());
        Ok(Plan { home, holder, people, progress })
    }

    fn set_out(&self, plan: &Plan, shared: &Data<Shared>) {
        let http = web_client();
        let pause = Duration::from_secs(self.seconds) / u32::try_from(self.people).unwrap_or(u32::MAX);
        for (person, number) in plan.people.iter().zip(0..) {
            let visitor = Visitor::new(http.clone(), person.clone(), plan, shared.clone());
            let progress = plan.progress.clone();
            spawn(async move {
                sleep(pause * number).await;
                progress.arrives();
                progress.ends(visitor.log_in().await);
            });
        }
    }
}
