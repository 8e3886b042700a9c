//! Where the apps listen: at an address, or at the other end of a Stream connection.

use std::collections::{BTreeMap, VecDeque};

use rand::random_range;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::http::PushUrl;
use super::stream::{Command, StreamFault};
use crate::secret;

/// How many tickets are good at once: the oldest, which nobody came with, go.
const MOST_TICKETS: usize = 1_000;

/// Everybody who wants to be told.
#[derive(Debug, Default)]
pub struct Subscribers {
    urls: BTreeMap<String, PushUrl>,
    connections: Vec<Connection>,
    /// Those who may connect: each ticket is good once.
    tickets: VecDeque<Ticket>,
    connected: u64,
}

#[derive(Debug)]
struct Ticket {
    text: String,
    subscription: Subscription,
    /// Unix milliseconds. Nobody may connect with it any more.
    ends: u64,
}

/// Whose a connection is, and what for.
#[derive(Debug)]
pub struct Subscription {
    pub client_id: String,
    /// Whether it wants events; some want callbacks only.
    pub events: bool,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    subscription: Subscription,
    commands: UnboundedSender<Command>,
    /// It was told to go, and is given nothing more.
    leaving: bool,
    frozen: bool,
}

impl Connection {
    fn disturb(&mut self, fault: StreamFault) {
        self.leaving |= fault.is_the_last();
        self.frozen |= fault == StreamFault::Freeze;
        // One that is closing already need not be told.
        drop(self.commands.send(Command::Fault(fault)));
    }
}

/// How an app is reached.
#[derive(Debug, Clone)]
pub enum Way {
    Stream(UnboundedSender<Command>),
    Http(PushUrl),
}

impl Subscribers {
    pub fn listen_at(&mut self, client_id: &str, url: Option<PushUrl>) {
        match url {
            Some(url) => drop(self.urls.insert(client_id.to_owned(), url)),
            None => drop(self.urls.remove(client_id)),
        }
    }

    pub fn forget_addresses(&mut self) {
        self.urls.clear();
    }

    /// One that is good once, for ninety seconds from `now`, as the page on Stream's protocol says.
    pub fn issue_ticket(&mut self, subscription: Subscription, now: u64) -> String {
        const LIFE: u64 = 90_000;
        let text = secret::hex32();
        self.tickets.push_back(Ticket { text: text.clone(), subscription, ends: now + LIFE });
        if self.tickets.len() > MOST_TICKETS {
            self.tickets.pop_front();
        }
        text
    }

    /// What a ticket is for; it is used up.
    pub fn redeem(&mut self, ticket: &str, now: u64) -> Option<Subscription> {
        let position = self.tickets.iter().position(|issued| issued.text == ticket)?;
        self.tickets.remove(position).filter(|ticket| now < ticket.ends).map(|ticket| ticket.subscription)
    }

    pub fn connect(&mut self, subscription: Subscription, commands: UnboundedSender<Command>) -> u64 {
        self.connected += 1;
        self.connections.push(Connection { number: self.connected, subscription, commands, leaving: false, frozen: false });
        self.connected
    }

    pub fn disconnect(&mut self, number: u64) {
        self.connections.retain(|connection| connection.number != number);
    }

    /// Something happens to each connection of an app; returns how many there are.
    pub fn disturb(&mut self, client_id: &str, fault: StreamFault) -> usize {
        let told = self.connections.iter_mut().filter(|connection| connection.subscription.client_id == client_id);
        told.map(|connection| connection.disturb(fault)).count()
    }

    /// The frozen ones end: no event of another world is to vanish in them.
    pub fn lose_frozen(&mut self) {
        let frozen = self.connections.iter_mut().filter(|connection| connection.frozen);
        frozen.for_each(|connection| connection.disturb(StreamFault::Lose));
    }

    /// Any connection of the app that wants events, or else its address. Which is chosen by chance, as by DingTalk ("Stream protocol").
    pub fn way_to(&self, client_id: &str) -> Option<Way> {
        let open: Vec<_> = self.open(client_id).collect();
        if open.is_empty() {
            return self.urls.get(client_id).cloned().map(Way::Http);
        }
        Some(Way::Stream(open[random_range(0..open.len())].commands.clone()))
    }

    pub fn connections(&self, client_id: &str) -> usize {
        self.open(client_id).count()
    }

    fn open<'a>(&'a self, client_id: &'a str) -> impl Iterator<Item = &'a Connection> {
        self.connections.iter().filter(move |connection| {
            let Subscription { client_id: whose, events } = &connection.subscription;
            whose == client_id && *events && !connection.leaving
        })
    }

    pub fn state(&self, client_id: &str) -> Value {
        json!({"connections": self.connections(client_id), "url": self.urls.get(client_id).map(|url| &url.url)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_the_oldest_go_when_there_are_too_many() {
        let mut subscribers = Subscribers::default();
        let mut ticket = || subscribers.issue_ticket(Subscription { client_id: "app".to_owned(), events: true }, 0);
        let tickets: Vec<_> = (0..=MOST_TICKETS).map(|_| ticket()).collect();
        let good = [0, 1, 1, MOST_TICKETS].map(|number| subscribers.redeem(&tickets[number], 89_999).is_some());
        assert_eq!(good, [false, true, false, true]);
    }
}
