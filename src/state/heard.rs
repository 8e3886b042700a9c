//! What events say of the app's organisations, and what it means. Events come again and in any order: what happened last counts.

use serde::{Deserialize, Serialize};

use super::State;
use super::followed::Known;
use crate::dingtalk::events::{Event, Happening, Listener};
use crate::dingtalk::{AgentId, Authorisation, Authorisations, Clock, CorpId, SuiteTicket};

/// When an organisation last made each decision about the app, in Unix milliseconds; 0 is never.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Decisions {
    authorised: u64,
    changed: u64,
    relieved: u64,
    stopped: u64,
    restored: u64,
    /// DingTalk was asked whether it has authorised the app, and said that it has.
    found: bool,
    agent: Option<(u64, AgentId)>,
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
        let told = |decisions: &Self| decisions.agent.as_ref().map(|(at, agent_id)| (*at, agent_id.as_str().to_owned()));
        let knows_agent = told(self) > told(&other);
        Self {
            authorised: self.authorised.max(other.authorised),
            changed: self.changed.max(other.changed),
            relieved: self.relieved.max(other.relieved),
            stopped: self.stopped.max(other.stopped),
            restored: self.restored.max(other.restored),
            found: self.found || other.found,
            agent: if knows_agent { self.agent.clone() } else { other.agent },
        }
    }

    fn name(&mut self, agent_id: &Option<AgentId>, at: u64) {
        if let Some(agent_id) = agent_id
            && self.agent.as_ref().is_none_or(|(known, _)| *known <= at)
        {
            self.agent = Some((at, agent_id.clone()));
        }
    }

    /// The app's AgentId in this organisation, if it was told since the last authorisation: installed anew, the app may have another.
    fn ours(&self) -> Option<&AgentId> {
        self.agent.as_ref().filter(|(at, _)| *at >= self.authorised).map(|(_, agent_id)| agent_id)
    }

    fn judge(&self) -> Authorisation {
        let granted = self.authorised.max(self.changed);
        // An organisation that authorises the app anew also lets it run.
        let running = self.authorised.max(self.restored);
        if self.relieved > 0 && self.relieved >= granted {
            Authorisation::Relieved
        } else if self.stopped > 0 && self.stopped >= running {
            Authorisation::Stopped
        } else if granted > 0 || running > 0 || self.found {
            Authorisation::Granted { agent_id: self.ours().cloned(), since: running }
        } else {
            Authorisation::Unknown
        }
    }
}

impl State {
    /// Applies `event` to the state; to apply it again changes nothing. Returns whether it means anything here.
    fn apply(&self, event: &Event) -> bool {
        let machine = self.clock.machine_millis();
        let latest = machine.max(self.clock.unix_millis()) + Clock::SKEW.as_millis() as u64;
        // Clocks differ. An event that is dated tomorrow must not override all events until then.
        let at = event.at.unwrap_or(machine).min(latest);
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
            // The event is about another micro-app of the suite.
            Happening::Restored(corp_id, agent_id) | Happening::Stopped(corp_id, agent_id)
                if !known().is_ours(corp_id, agent_id) => {}
            Happening::Restored(corp_id, _) => {
                known().change(corp_id, |decisions| decisions.restored = decisions.restored.max(at));
            }
            Happening::Stopped(corp_id, _) => {
                known().change(corp_id, |decisions| decisions.stopped = decisions.stopped.max(at));
                self.end_sessions_of_organisation(corp_id.clone(), self.over(at));
            }
            Happening::Relieved(corp_id) | Happening::Dissolved(corp_id) => {
                known().change(corp_id, |decisions| decisions.relieved = decisions.relieved.max(at));
                self.end_sessions_of_organisation(corp_id.clone(), self.over(at));
            }
            Happening::Left(corp_id, people) => {
                for user_id in people {
                    self.end_sessions_of_person(corp_id.clone(), user_id.clone(), self.over(at));
                }
            }
            Happening::UrlChecked(_) | Happening::Other { .. } => return false,
        }
        true
    }

    /// Whether this process knows which micro-app is ours, if `event` is about one of several in a suite: other processes may have
    /// published that, and this one reads it when Redis is first up.
    fn can_judge(&self, event: &Event) -> bool {
        let names_one = matches!(event.what, Happening::Stopped(..) | Happening::Restored(..));
        !names_one || self.redis.as_ref().is_none_or(|redis| redis.link.was_up())
    }

    /// Sessions that began before this moment are ended by what happened at the time `at`. Clocks differ a little, so the moment is a
    /// little later: to end a session needlessly costs nothing, since the next page logs in silently. It is not later than now: whoever
    /// begins a session from now on has come back. Sessions go by the clock of all processes, and `at` by DingTalk's, which this machine's
    /// is nearer to.
    fn over(&self, at: u64) -> crate::dingtalk::Moment {
        let ahead = self.clock.unix_millis().saturating_sub(self.clock.machine_millis());
        self.clock.moment_at(at.saturating_add(ahead).saturating_add(Clock::SKEW.as_millis() as u64))
    }
}

impl Listener for State {
    async fn hear(&self, event: Event) -> bool {
        let is_news = self.tables.known().events.get(&event.id).is_none();
        if is_news {
            tracing::info!(event = event.what.logged(), "heard of");
            if !self.can_judge(&event) {
                return false;
            }
            // Before the app's reaction: people who left are logged out even if the app fails, and cannot add data that the app would then
            // not delete.
            let means_something = self.apply(&event);
            // The check of the callback URL only asks whether somebody listens: the app is not told.
            let reaction = self.reaction.lock().clone();
            let reacts = reaction.is_any() && !matches!(event.what, Happening::UrlChecked(_));
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
                decisions.name(&agent_id, decisions.authorised);
            });
        }
    }
}
