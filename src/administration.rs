//! What an administrator does to the state of a running app.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::application::{sealing_keys, state_of};
use crate::dingtalk::{Clock, CorpId, UserId};
use crate::settings::Settings;
use crate::state::{Location, State};

/// Nobody who waits at a prompt waits longer to hear that it is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends the sessions of a person, or of everybody, in an organisation, in all processes. When this returns, it lasts.
pub async fn end_sessions(settings: &Settings, corp_id: Option<CorpId>, user_id: Option<UserId>) -> anyhow::Result<()> {
    let corp_id = corp_id.or_else(|| settings.dingtalk.kind.home().map(|home| home.corp_id.clone()));
    let corp_id = corp_id.context("a third-party app has many organisations: --corp says of which")?;
    let (clock, state) = reached(settings).await?;
    match user_id {
        Some(user_id) => state.end_sessions_of_person(corp_id, user_id, clock.moment()),
        None => state.end_sessions_of_organisation(corp_id, clock.moment()),
    }
    state.kept().await.context("nobody was told")
}

/// Takes over what the file of one process kept. How many things it was.
pub async fn take_over(settings: &Settings, file: &Path) -> anyhow::Result<usize> {
    ensure!(matches!(settings.state, Location::Redis(_)), "STATE_URL says where it goes: redis://… or rediss://…");
    let (_, state) = reached(settings).await?;
    Ok(state.take_over(file, sealing_keys(settings)).await?)
}

async fn reached(settings: &Settings) -> anyhow::Result<(Clock, State)> {
    if matches!(settings.state, Location::Memory) {
        bail!(
            "STATE_URL is memory:, which only the server itself can reach, and sessions outlive it in their cookies: end them with a new \
             SESSION_KEY, or keep state in a file or in redis"
        );
    }
    let clock = Clock::system();
    let state = state_of(settings, clock.clone())?;
    ensure!(state.is_followed(PATIENCE).await, "redis is away: nothing was changed");
    Ok((clock, state))
}
