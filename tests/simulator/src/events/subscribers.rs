//! Where the apps receive events: at a URL, or over a Stream connection.

use std::collections::{BTreeMap, VecDeque};

use rand::random_range;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::http::PushUrl;
use super::stream::{Command, StreamFault};
use crate::secret;

/// How many unused tickets are valid at once; beyond that the oldest are dropped.
const MOST_TICKETS: usize = 1_000;

/// The apps that receive events, and where.
#[derive(Debug, Default)]
pub struct Subscribers {
    urls: BTreeMap<String, PushUrl>,
    connections: Vec<Connection>,
    /// Tickets with which an app may connect, each once.
    tickets: VecDeque<Ticket>,
    connected: u64,
}

#[derive(Debug)]
struct Ticket {
    text: String,
    subscription: Subscription,
    /// When the ticket expires, in Unix milliseconds.
    ends: u64,
}

/// The app that a connection belongs to, and what the connection is for.
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
    /// It is about to end, and gets no more events.
    leaving: bool,
    frozen: bool,
}

impl Connection {
    fn disturb(&mut self, fault: StreamFault) {
        self.leaving |= fault.is_the_last();
        self.frozen |= fault == StreamFault::Freeze;
        // This fails if the connection has ended already: then there is nothing to do.
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

    /// Issues a ticket for one connection. It is valid for ninety seconds from `now`, as the page on Stream's protocol says.
    pub fn issue_ticket(&mut self, subscription: Subscription, now: u64) -> String {
        const LIFE: u64 = 90_000;
        let text = secret::hex32();
        self.tickets.push_back(Ticket { text: text.clone(), subscription, ends: now + LIFE });
        if self.tickets.len() > MOST_TICKETS {
            self.tickets.pop_front();
        }
        text
    }

    /// Uses up a ticket, and returns what it is for; `None` if it is unknown or has expired.
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

    /// Causes a fault on each connection of an app; returns how many there are.
    pub fn disturb(&mut self, client_id: &str, fault: StreamFault) -> usize {
        let told = self.connections.iter_mut().filter(|connection| connection.subscription.client_id == client_id);
        told.map(|connection| connection.disturb(fault)).count()
    }

    /// Ends the frozen connections, so that no event of the next world is lost in them.
    pub fn lose_frozen(&mut self) {
        let frozen = self.connections.iter_mut().filter(|connection| connection.frozen);
        frozen.for_each(|connection| connection.disturb(StreamFault::Lose));
    }

    /// A connection of the app that wants events, or else its URL. The connection is chosen at random, as by DingTalk ("Stream protocol").
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
