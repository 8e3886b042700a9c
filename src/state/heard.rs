//! What events say of the app's organisations, and what it means. Events come again and in any order: what happened last counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use super::followed::Known;
use crate::dingtalk::events::{Event, Happening, Listener};
use crate::dingtalk::{AgentId, Authorisation, Authorisations, Clock, CorpId, Moment, SuiteTicket};

/// When an organisation last made each decision about the app, in Unix milliseconds; 0 is never.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Decisions {
    authorised: u64,
    changed: u64,
    relieved: u64,
    /// Of a micro-app that was not named.
    #[serde(flatten)]
    switched: Switched,
    /// Of the micro-apps that were named: a suite may have several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    named: BTreeMap<AgentId, Switched>,
    /// DingTalk was asked whether it has authorised the app, and said that it has.
    found: bool,
    agent: Option<(u64, AgentId)>,
}

/// When a micro-app was last switched off and on, in Unix milliseconds; 0 is never.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Switched {
    stopped: u64,
    restored: u64,
}

impl Switched {
    fn and(self, other: Self) -> Self {
        Self { stopped: self.stopped.max(other.stopped), restored: self.restored.max(other.restored) }
    }
}

impl Known {
    fn hear_ticket(&mut self, ticket: &SuiteTicket, at: u64) {
        if self.suite_ticket.get(&()).is_none_or(|(known, _)| *known <= at) {
            self.suite_ticket.insert((), (at, ticket.to_be_sealed().to_owned()));
        }
    }

    /// Whether the organisation's app with this AgentId is ours; also if either AgentId is unknown.
    fn is_ours(&self, corp_id: &CorpId, agent_id: &Option<AgentId>) -> bool {
        let ours = self.organisations.get(corp_id).and_then(Decisions::ours);
        agent_id.as_ref().zip(ours).is_none_or(|(agent_id, ours)| agent_id == ours)
    }

    fn change(&mut self, corp_id: &CorpId, change: impl FnOnce(&mut Decisions)) {
        let mut decisions = self.organisations.get(corp_id).cloned().unwrap_or_default();
        change(&mut decisions);
        self.organisations.insert(corp_id.clone(), decisions);
    }
}

impl Decisions {
    /// Merges both, in whichever order they were heard.
    pub fn and(&self, other: Self) -> Self {
        let mut named = other.named;
        for (agent_id, one) in &self.named {
            let known = named.entry(agent_id.clone()).or_default();
            *known = known.and(*one);
        }
        Self {
            authorised: self.authorised.max(other.authorised),
            changed: self.changed.max(other.changed),
            relieved: self.relieved.max(other.relieved),
            switched: self.switched.and(other.switched),
            named,
            found: self.found || other.found,
            agent: self.agent.clone().max(other.agent),
        }
    }

    fn name(&mut self, agent_id: &Option<AgentId>, at: u64) {
        if let Some(agent_id) = agent_id
            && self.agent.as_ref().is_none_or(|(known, _)| *known <= at)
        {
            self.agent = Some((at, agent_id.clone()));
        }
    }

    fn switch(&mut self, agent_id: &Option<AgentId>, at: Switched) {
        let known = agent_id.as_ref().map_or(&mut self.switched, |agent_id| self.named.entry(agent_id.clone()).or_default());
        *known = known.and(at);
    }

    /// When it last authorised the app. After it withdrew the app, a change is an authorisation: of two events in short order, DingTalk may
    /// tell only the later ("Data format" of events, biz_type 4).
    fn last_authorised(&self) -> u64 {
        let has_withdrawn = self.relieved > 0 && self.relieved >= self.authorised;
        if has_withdrawn && self.changed > self.relieved { self.changed } else { self.authorised }
    }

    /// The app's AgentId in this organisation, if it was told since the last authorisation: installed anew, the app may have another.
    fn ours(&self) -> Option<&AgentId> {
        self.agent.as_ref().filter(|(at, _)| *at >= self.last_authorised()).map(|(_, agent_id)| agent_id)
    }

    fn judge(&self) -> Authorisation {
        let granted = self.authorised.max(self.changed);
        // As long as nothing says which micro-app is ours, it may be any.
        let named = self.named.iter().filter(|(agent_id, _)| self.ours().is_none_or(|ours| ours == *agent_id));
        let Switched { stopped, restored } = named.fold(self.switched, |all, (_, one)| all.and(*one));
        // An organisation that authorises the app anew also lets it run.
        let running = self.last_authorised().max(restored);
        if self.relieved > 0 && self.relieved >= granted {
            Authorisation::Relieved
        } else if stopped > 0 && stopped >= running {
            Authorisation::Stopped
        } else if granted > 0 || running > 0 || self.found {
            Authorisation::Granted { agent_id: self.ours().cloned(), since: running }
        } else {
            Authorisation::Unknown
        }
    }
}

impl State {
    /// When `event` happened, in Unix milliseconds. One that does not say so happened when it first came to
    /// this process.
    fn time_of(&self, event: &Event) -> u64 {
        let machine = self.clock.machine_millis();
        let latest = machine.max(self.clock.unix_millis()) + Clock::SKEW.as_millis() as u64;
        let first_came = || {
            let mut undated = self.undated.lock();
            let known = undated.get(&event.id).copied();
            known.unwrap_or_else(|| {
                undated.insert(event.id, machine);
                machine
            })
        };
        // Clocks differ. An event that is dated tomorrow must not override all events until then.
        event.at.unwrap_or_else(first_came).min(latest)
    }

    /// Applies `event` to the state; to apply it again changes nothing. Returns whether it means anything here.
    fn apply(&self, event: &Event) -> bool {
        let at = self.time_of(event);
        let known = || self.tables.known();
        match &event.what {
            Happening::SuiteTicket(ticket) => known().hear_ticket(ticket, at),
            Happening::Authorised(corp_id, agent_id) => known().change(corp_id, |decisions| {
                decisions.authorised = decisions.authorised.max(at);
                decisions.name(agent_id, at);
            }),
            Happening::AuthorisationChanged(corp_id, agent_id) => known().change(corp_id, |decisions| {
                decisions.changed = decisions.changed.max(at);
                decisions.name(agent_id, at);
            }),
            Happening::Restored(corp_id, agent_id) => known().change(corp_id, |decisions| {
                decisions.switch(agent_id, Switched { restored: at, stopped: 0 });
            }),
            Happening::Stopped(corp_id, agent_id) => {
                known().change(corp_id, |decisions| decisions.switch(agent_id, Switched { stopped: at, restored: 0 }));
                if known().is_ours(corp_id, agent_id) {
                    self.end_sessions_of_organisation(corp_id.clone(), self.ends_sessions_before(at));
                }
            }
            Happening::Relieved(corp_id) | Happening::Dissolved(corp_id) => {
                known().change(corp_id, |decisions| decisions.relieved = decisions.relieved.max(at));
                self.end_sessions_of_organisation(corp_id.clone(), self.ends_sessions_before(at));
            }
            Happening::Left(corp_id, people) => {
                for user_id in people {
                    self.end_sessions_of_person(corp_id.clone(), user_id.clone(), self.ends_sessions_before(at));
                }
            }
            Happening::UrlChecked | Happening::Other { .. } => return false,
        }
        true
    }

    /// Whether this process knows which micro-app is ours, if `event` is about one of several in a suite: other processes may have
    /// published that, and this one reads it when Redis is first up.
    fn can_judge(&self, event: &Event) -> bool {
        let names_one = matches!(event.what, Happening::Stopped(..) | Happening::Restored(..));
        !names_one || self.redis.as_ref().is_none_or(|redis| redis.link.was_up())
    }

    /// An event of the time `at` ends the sessions that began before this moment. It is `SKEW` later than `at`, since clocks differ, and a
    /// session too many costs only a silent login; but now at the latest, so that sessions which begin from now on stay. `at` is DingTalk's
    /// time, which is taken for this machine's. Sessions go by the clock of all processes, which is `ahead` of it.
    fn ends_sessions_before(&self, at: u64) -> Moment {
        let ahead = self.clock.unix_millis().saturating_sub(self.clock.machine_millis());
        self.clock.moment_at(at.saturating_add(ahead).saturating_add(Clock::SKEW.as_millis() as u64))
    }
}

impl Listener for State {
    async fn hear(&self, event: Event) -> bool {
        let is_news = self.tables.known().events.get(&event.id).is_none();
        if is_news {
            let corp_id = event.what.corp_id().map(tracing::field::display);
            tracing::info!(event = event.what.logged(), corp_id, "an event has come");
            if !self.can_judge(&event) {
                return false;
            }
            // Before the app's reaction: people who left are logged out even if the app fails, and cannot add data that the app would then
            // not delete.
            let means_something = self.apply(&event);
            // The check of the callback URL only asks whether somebody listens: the app is not told.
            let reaction = self.reaction.lock().clone();
            let reacts = reaction.is_any() && !matches!(event.what, Happening::UrlChecked);
            if reacts && !reaction.is_done(&event).await {
                return false;
            }
            if reacts || means_something {
                self.tables.known().events.insert(event.id, ());
            }
        }
        self.kept().await.is_ok()
    }
}

impl Authorisations for State {
    fn suite_ticket(&self) -> Option<SuiteTicket> {
        let known = self.tables.known();
        known.suite_ticket.get(&()).and_then(|(_, ticket)| SuiteTicket::parse(ticket.clone()).ok())
    }

    fn corp_ids(&self) -> Vec<CorpId> {
        let has_app = |corp_id: &CorpId| matches!(self.of(corp_id), Authorisation::Granted { .. });
        let known = self.tables.known().organisations.keys();
        known.into_iter().filter(has_app).collect()
    }

    fn of(&self, corp_id: &CorpId) -> Authorisation {
        self.tables.known().organisations.get(corp_id).map_or(Authorisation::Unknown, Decisions::judge)
    }

    fn found(&self, corp_id: &CorpId, agent_id: Option<AgentId>) {
        let mut known = self.tables.known();
        let decisions = known.organisations.get(corp_id);
        let is_news = decisions.is_none_or(|decisions| !decisions.found || decisions.ours().is_none() && agent_id.is_some());
        if is_news {
            known.change(corp_id, |decisions| {
                decisions.found = true;
                decisions.name(&agent_id, decisions.last_authorised());
            });
        }
    }
}
