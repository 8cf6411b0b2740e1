//! The actions that signed cards name: an action is known by its service `send_goal`.

use std::collections::BTreeMap;

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::CardService;

use super::{Endpoint, Graph};
use crate::action_support::SEND_GOAL;
use crate::name::TopicName;

/// What the name of the service has behind the action's name.
const SERVICE: &str = "/_action/send_goal";

/// What the graph knows of one action.
#[derive(Clone, Debug, Default)]
pub struct GraphAction {
    /// Who serves it. The facts are those of the service `send_goal`.
    pub servers: Vec<Endpoint<CardService>>,
    /// Who sends goals.
    pub clients: Vec<Endpoint<CardService>>,
}

/// The name of the action, and of its type, whose service `send_goal` a card names; `None` for other services.
pub fn action_of(service: &CardService) -> Option<(&str, &str)> {
    let name = service.name.strip_suffix(SERVICE)?;
    Some((name, service.type_name.strip_suffix(SEND_GOAL)?))
}

impl GraphAction {
    /// The types that its servers and clients name, each once, sorted by name, with the hash of the service `send_goal`. More
    /// than one is a mismatch.
    pub fn types(&self) -> Vec<(String, TypeHash)> {
        let named = self.servers.iter().chain(&self.clients);
        let mut types: Vec<_> = named
            .filter_map(|Endpoint { facts, .. }| {
                let (_, type_name) = action_of(facts)?;
                Some((type_name.to_owned(), TypeHash::from_bytes(facts.type_hash)))
            })
            .collect();
        types.sort();
        types.dedup();
        types
    }
}

impl Graph {
    /// All actions that a card names, by name.
    pub fn actions(&self) -> BTreeMap<TopicName, GraphAction> {
        let services = self.services().into_iter();
        let actions = services.filter_map(|(name, service)| {
            let action = TopicName::parse(name.as_str().strip_suffix(SERVICE)?).ok()?;
            let is_action = |end: &Endpoint<CardService>| action_of(&end.facts).is_some();
            let ends = |ends: Vec<_>| ends.into_iter().filter(is_action).collect::<Vec<_>>();
            let (servers, clients) = (ends(service.servers), ends(service.clients));
            let is_any = !servers.is_empty() || !clients.is_empty();
            is_any.then_some((action, GraphAction { servers, clients }))
        });
        actions.collect()
    }
}
