//! What one entry of the registry says: which part its process has, and where that is to be called. Text of lines, to and fro.
//!
//! Whatever is not understood is passed over: entries of later versions may say more.

use std::net::SocketAddr;

/// The part that a process has among those of its domain on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// A node that is called at its locators.
    Peer,
    /// A router: nodes that find it make a link to it and to nobody else.
    Router,
    /// A node that is called by nobody, because it is the client of the router with this locator.
    Client(String),
}

/// An entry: the part of a process, and the locators at which it is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its part.
    pub part: Part,
    /// Where it is called, such as `tcp/127.0.0.1:40123`. A client is not.
    pub locators: Vec<String>,
}

/// Who is there, newest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Members {
    /// The locators of nodes that are called.
    pub peers: Vec<String>,
    /// The locators of routers.
    pub routers: Vec<String>,
    /// For each node that is a client, the locator of its router.
    pub clients: Vec<String>,
}

impl Members {
    /// Everybody who is called, routers first.
    pub fn locators(self) -> Vec<String> {
        self.routers.into_iter().chain(self.peers).collect()
    }

    pub(super) fn add(&mut self, entry: Entry, max: usize) {
        let (list, texts) = match entry.part {
            Part::Peer => (&mut self.peers, entry.locators),
            Part::Router => (&mut self.routers, entry.locators),
            Part::Client(router) => (&mut self.clients, vec![router]),
        };
        let room = max.saturating_sub(list.len());
        list.extend(texts.into_iter().take(room));
    }
}

/// The most locators that one node may have.
pub(super) const MAX_LOCATORS_PER_NODE: usize = 8;

/// The longest locator: `tcp/`, an IPv6 address with its zone, and a port.
const MAX_LOCATOR_BYTES: usize = 64;

const ROUTER: &str = "router";
const CLIENT: &str = "client of ";

impl Entry {
    /// The text of the entry of the process with this number.
    pub(super) fn to_text(&self, pid: u32) -> String {
        let part = match &self.part {
            Part::Peer => String::new(),
            Part::Router => format!("{ROUTER}\n"),
            Part::Client(router) => format!("{CLIENT}{router}\n"),
        };
        let locators: String = self.locators.iter().map(|locator| format!("{locator}\n")).collect();
        format!("{locators}{part}pid {pid}\n")
    }

    /// What a text says, whoever wrote it.
    pub(super) fn parse(text: &str) -> Self {
        let router = text.lines().find_map(|line| line.strip_prefix(CLIENT));
        let part = match router.filter(|router| is_locator(router)) {
            Some(router) => Part::Client(router.to_owned()),
            None if text.lines().any(|line| line == ROUTER) => Part::Router,
            None => Part::Peer,
        };
        let locators = text.lines().filter(|line| is_locator(line)).take(MAX_LOCATORS_PER_NODE);
        Self {
            part,
            locators: locators.map(str::to_owned).collect(),
        }
    }

    /// The texts in it that have to be locators.
    pub(super) fn all_locators(&self) -> impl Iterator<Item = &String> {
        let router = match &self.part {
            Part::Client(router) => Some(router),
            Part::Peer | Part::Router => None,
        };
        self.locators.iter().chain(router)
    }
}

/// Whether `text` is `tcp/<address>:<port>` with an address that can be called.
pub(super) fn is_locator(text: &str) -> bool {
    text.len() <= MAX_LOCATOR_BYTES
        && text
            .strip_prefix("tcp/")
            .and_then(|address| address.parse::<SocketAddr>().ok())
            .is_some_and(|address| {
                address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let locators = vec!["tcp/127.0.0.1:7447".to_owned()];
        let client = Part::Client("tcp/127.0.0.1:7447".to_owned());
        for (part, locators, text) in [
            (Part::Peer, locators.clone(), "tcp/127.0.0.1:7447\npid 7\n"),
            (Part::Router, locators, "tcp/127.0.0.1:7447\nrouter\npid 7\n"),
            (client, Vec::new(), "client of tcp/127.0.0.1:7447\npid 7\n"),
        ] {
            let entry = Entry { part, locators };
            assert_eq!(entry.to_text(7), text);
            assert_eq!(Entry::parse(text), entry);
        }
    }

    #[test]
    fn nobody_is_a_client_of_what_is_no_locator() {
        let entry = Entry::parse("client of http://evil/\ntcp/127.0.0.1:1\n");
        assert_eq!((entry.part, entry.locators.len()), (Part::Peer, 1));
    }
}
