//! One page that has come in: the types that it asks for, the cards that it shows, the frames that it hands over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;
use nuncio::{Guest, GuestError, Reason, TopicName, TypeHash, Verified};
use serde_json::json;

use super::CARDS_PER_SECOND;
use super::op::{self, Problem};
use crate::border_error::BorderError;
use crate::bridge_type::BridgeType;
use crate::client::Client;
use crate::role::Act;
use crate::rules::{Direction, Face};
use crate::turns::Turns;

/// A page that is a node.
pub(super) struct Session {
    pub(super) client: Client,
    guest: Guest,
    cards: Mutex<Turns>,
    /// The types of its topics, as far as they are known here.
    types: Mutex<HashMap<TopicName, Arc<BridgeType>>>,
}

/// What became of a frame.
pub(super) enum Outcome {
    /// It was passed on: its writer, and the number of its last message.
    Passed(u64, u64),
    /// It was refused.
    Refused(Problem),
    /// Another start of the node has taken this one's place.
    Replaced,
}

impl Session {
    pub(super) fn new(client: Client, guest: Guest) -> Self {
        Self {
            client,
            guest,
            cards: Mutex::new(Turns::new(CARDS_PER_SECOND, Instant::now())),
            types: Mutex::default(),
        }
    }

    pub(super) fn guest(&self) -> &Guest {
        &self.guest
    }

    /// The description of a type: the one that a topic has, or the one of that name.
    pub(super) async fn type_of(&self, id: u64, name: &str, topic: Option<&str>) -> Result<String, Problem> {
        let ty = self.client.noting(self.find_type(name, topic).await)?;
        let object = json!({
            "op": "type",
            "id": id,
            "name": ty.name(),
            "hash": ty.hash().to_string(),
            "description": ty.support().definition().type_description,
        });
        Ok(op::said(&object))
    }

    async fn find_type(&self, name: &str, topic: Option<&str>) -> Result<Arc<BridgeType>, BorderError> {
        self.client.take_turn()?;
        let border = self.client.border();
        let graph = border.node().graph();
        let topic = topic.and_then(|topic| TopicName::parse(topic).ok());
        let used = topic
            .and_then(|topic| graph.topics().remove(&topic))
            .unwrap_or_default();
        let published = used
            .publishers
            .iter()
            .map(|end| (&end.node, &end.facts.type_name, end.facts.type_hash));
        let subscribed = used
            .subscribers
            .iter()
            .map(|end| (&end.node, &end.facts.type_name, end.facts.type_hash));
        match published.chain(subscribed).find(|(_, used, _)| *used == name) {
            Some((node, name, hash)) => border.learn_message(node.key, name, &TypeHash::from_bytes(hash)).await,
            None => border.library().message(name),
        }
    }

    /// Shows a card; gives its number.
    pub(super) async fn show(&self, frame: Vec<u8>) -> Result<u64, Problem> {
        let shown = self.try_show(frame).await;
        shown.inspect_err(|_| self.client.count_refused())
    }

    async fn try_show(&self, frame: Vec<u8>) -> Result<u64, Problem> {
        self.client.take_turn()?;
        let has_turn = lock(&self.cards).take(Instant::now());
        if !has_turn {
            let text = format!("more than {CARDS_PER_SECOND} cards a second; show one for several publishers");
            return Err(Problem::from(BorderError::TooMuch(text)));
        }
        let card = self.guest.read_card(frame).map_err(of_guest)?;
        let mut types = HashMap::new();
        for publisher in card.publishers() {
            let (topic, ty) = self.check_publisher(publisher)?;
            types.extend(ty.map(|ty| (topic, ty)));
        }
        let number = card.number();
        self.guest.show(card).await.map_err(of_guest)?;
        *lock(&self.types) = types;
        Ok(number)
    }

    /// Whether routes and role let the page publish this, and the topic has this type.
    fn check_publisher(&self, publisher: &CardPublisher) -> Result<(TopicName, Option<Arc<BridgeType>>), BorderError> {
        let topic = TopicName::parse(&publisher.topic).map_err(|error| BorderError::Name(error.to_string()))?;
        let border = self.client.border();
        if border.rules().route_of(Face::Browser, &topic, Direction::In).is_none() {
            return Err(BorderError::NoRoute {
                name: topic.to_string(),
                direction: Direction::In.as_str(),
            });
        }
        self.client.role().check(Act::Publish, &topic)?;
        let hash = TypeHash::from_bytes(publisher.type_hash);
        border.check_type(&topic, &publisher.type_name, &hash)?;
        let ty = border.library().message_with_hash(&publisher.type_name, &hash);
        Ok((topic, ty))
    }

    /// Passes a frame on, if all is right with it.
    pub(super) fn pass(&self, frame: Vec<u8>) -> Outcome {
        let len = frame.len();
        let outcome = self.try_pass(frame);
        self.client.count_in(len, matches!(outcome, Outcome::Passed(..)));
        outcome
    }

    fn try_pass(&self, frame: Vec<u8>) -> Outcome {
        let refused = |error: BorderError| Outcome::Refused(Problem::from(error));
        if let Err(error) = self
            .client
            .take_turn()
            .and_then(|()| self.client.check_len(frame.len()))
        {
            return refused(error);
        }
        let verified = match self.guest.open(frame) {
            Ok(verified) => verified,
            Err(refusal) if refusal.reason == Reason::StaleEpoch => return Outcome::Replaced,
            Err(refusal) => return Outcome::Refused(Problem::from(&refusal)),
        };
        if let Err(error) = self.check_messages(&verified) {
            return refused(error);
        }
        match self.guest.pass_on(&verified) {
            Ok(()) => Outcome::Passed(verified.header().writer.0, verified.last_number()),
            Err(error) => refused(BorderError::Node(error.to_string())),
        }
    }

    /// Whether each message is of its type, and there is a turn for each: the first was taken for the frame.
    fn check_messages(&self, verified: &Arc<Verified>) -> Result<(), BorderError> {
        let ty = lock(&self.types).get(verified.topic()).cloned();
        for (index, message) in verified.messages().enumerate() {
            if index > 0 {
                self.client.take_turn()?;
            }
            if let Some(ty) = &ty {
                let checked = ty.codec().check(message.payload());
                checked.map_err(|error| BorderError::Message(format!("no {}: {error}", ty.name())))?;
            }
        }
        Ok(())
    }
}

/// What the runtime says of a guest, for the page.
pub(super) fn of_guest(error: GuestError) -> Problem {
    match &error {
        GuestError::Refused(refusal) => Problem::from(refusal),
        GuestError::NameTaken { .. } | GuestError::OurOwnKey => Problem {
            reason: "name_taken",
            text: error.to_string(),
        },
        _ => Problem {
            reason: "guest",
            text: error.to_string(),
        },
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
