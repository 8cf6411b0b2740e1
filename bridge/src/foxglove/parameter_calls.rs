//! Reads and sets the parameters of nodes for one client, and tells it of changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use nuncio::msgs::rcl_interfaces::msg::ParameterEvent;
use nuncio::{Node, ParameterClient, ParameterValue as NodeValue, Reliability, SubscriberError, TopicName};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::known::Known;
use super::outbox::{Gone, Outbox};
use super::parameters::{from_viewer, full_name, split_name, to_viewer};
use super::wire::{Level, Parameter, ParameterValues};
use crate::client::Client;
use crate::role::Act;
use crate::rules::{Direction, Face};

/// The service that tells that a node has parameters.
const GET_PARAMETERS: &str = "/get_parameters";
/// How many nodes are asked at a time for one question.
const ASKED_AT_A_TIME: usize = 8;
/// How many changes wait for a client; one that is slower misses some.
const EVENTS_KEPT: usize = 256;

/// Parameters by the node that has them, all named as the client names them.
type ByNode<T> = BTreeMap<String, Vec<T>>;

/// Where one client's questions for parameters are answered.
#[derive(Clone)]
pub(super) struct ParameterCalls {
    pub(super) client: Client,
    pub(super) outbox: Outbox,
}

impl ParameterCalls {
    /// Tells the values of these parameters, or of all that there are.
    pub(super) async fn get(self, names: Vec<String>, id: Option<String>) {
        let values = match names.is_empty() {
            true => self.all().await,
            false => self.named(names).await,
        };
        let _ = self.answer(values, id).await;
    }

    /// Sets parameters, each by itself, and tells what they are then if the client wants to know.
    pub(super) async fn set(self, parameters: Vec<Parameter>, id: Option<String>) {
        let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let mut by_node: ByNode<(String, Parameter)> = BTreeMap::new();
        for parameter in parameters {
            match split_name(&parameter.name) {
                Some((node, name)) => by_node.entry(node).or_default().push((name.to_owned(), parameter)),
                None => self.complain(&parameter.name, &no_name(&parameter.name)).await,
            }
        }
        let set = stream::iter(by_node).map(|(node, changes)| self.set_on(node, changes));
        set.buffer_unordered(ASKED_AT_A_TIME).collect::<()>().await;
        if id.is_some() {
            let values = self.named(names).await;
            let _ = self.answer(values, id).await;
        }
    }

    async fn set_on(&self, node: String, changes: Vec<(String, Parameter)>) {
        let parameters = match self.parameters_of(&node, true) {
            Ok(parameters) => parameters,
            Err(problem) => return self.complain(&node, &problem).await,
        };
        let names: Vec<&str> = changes.iter().map(|(name, _)| name.as_str()).collect();
        let infos = match parameters.describe(&names).await {
            Ok(infos) => infos,
            Err(error) => return self.complain(&node, &error.to_string()).await,
        };
        let mut values = Vec::new();
        for ((name, parameter), info) in changes.iter().zip(infos) {
            match from_viewer(parameter, info.value_type) {
                Ok(value) => values.push((name.clone(), value)),
                Err(problem) => self.complain(&parameter.name, &problem).await,
            }
        }
        match parameters.set(&values).await {
            Ok(results) => {
                for ((name, _), result) in values.iter().zip(results) {
                    if let Err(problem) = result {
                        let name = full_name(&node, name);
                        self.complain(&name, &format!("{name} was not set: {problem}")).await;
                    }
                }
            }
            Err(error) => self.complain(&node, &error.to_string()).await,
        }
    }

    async fn named(&self, names: Vec<String>) -> Vec<Parameter> {
        let mut by_node: ByNode<String> = BTreeMap::new();
        for full in names {
            match split_name(&full) {
                Some((node, name)) => by_node.entry(node).or_default().push(name.to_owned()),
                None => self.complain(&full, &no_name(&full)).await,
            }
        }
        let asked = stream::iter(by_node).map(|(node, names)| self.named_of(node, names));
        let answered: Vec<Vec<_>> = asked.buffer_unordered(ASKED_AT_A_TIME).collect().await;
        answered.into_iter().flatten().collect()
    }

    async fn named_of(&self, node: String, mut names: Vec<String>) -> Vec<Parameter> {
        names.sort();
        names.dedup();
        let answer = async {
            let parameters = self.parameters_of(&node, false)?;
            let asked: Vec<&str> = names.iter().map(String::as_str).collect();
            parameters.get(&asked).await.map_err(|error| error.to_string())
        };
        let values = self.or_complain(&node, answer.await).await;
        let values = names.iter().zip(values);
        values
            .map(|(name, value)| to_viewer(full_name(&node, name), &value))
            .collect()
    }

    /// The parameters of all nodes that the client may ask.
    async fn all(&self) -> Vec<Parameter> {
        let services = self.client.services().into_iter();
        let readable = services.filter(|offer| self.client.role().may(Act::Call, &offer.native));
        let nodes = readable.filter_map(|offer| Some(offer.name.strip_suffix(GET_PARAMETERS)?.to_owned()));
        let nodes: Vec<_> = nodes.collect();
        let asked = stream::iter(nodes).map(|node| self.all_of(node));
        let answered: Vec<Vec<_>> = asked.buffer_unordered(ASKED_AT_A_TIME).collect().await;
        answered.into_iter().flatten().collect()
    }

    async fn all_of(&self, node: String) -> Vec<Parameter> {
        let answer = async {
            let parameters = self.parameters_of(&node, false)?;
            parameters.values().await.map_err(|error| error.to_string())
        };
        let values = self.or_complain(&node, answer.await).await;
        let values = values.iter();
        values
            .map(|(name, value)| to_viewer(full_name(&node, name), value))
            .collect()
    }

    /// Nodes that are not there are not asked: what is declared to ask them would cost the whole network.
    fn parameters_of(&self, node: &str, sets: bool) -> Result<ParameterClient, String> {
        let service = format!("{node}{GET_PARAMETERS}");
        self.client.callable(&service).map_err(|error| error.to_string())?;
        match self.client.services().iter().any(|offer| offer.name == service) {
            true => self.client.parameters_of(node, sets).map_err(|error| error.to_string()),
            false => Err(format!("no node {node} with parameters is there")),
        }
    }

    async fn answer(&self, mut values: Vec<Parameter>, id: Option<String>) -> Result<(), Gone> {
        values.retain(|parameter| parameter.value.is_some());
        let values = ParameterValues::new(values);
        let values = match id {
            Some(id) => values.with_id(id),
            None => values,
        };
        self.outbox.json(&values).await
    }

    async fn or_complain<T>(&self, what: &str, answer: Result<Vec<T>, String>) -> Vec<T> {
        match answer {
            Ok(values) => values,
            Err(problem) => {
                self.complain(what, &format!("the parameters of {what} cannot be read: {problem}"))
                    .await;
                Vec::new()
            }
        }
    }

    async fn complain(&self, what: &str, problem: &str) {
        // Whoever has gone need not know.
        let _ = self
            .outbox
            .complain(Level::Error, &format!("parameter {what}"), problem)
            .await;
    }
}

/// Changes of parameters on all nodes, for all clients of the face.
#[derive(Debug)]
pub(super) struct ParameterChanges {
    changes: broadcast::Sender<Arc<ParameterEvent>>,
    hearing: tokio::task::JoinHandle<()>,
}

impl ParameterChanges {
    pub(super) fn begin(node: &Node) -> Result<Self, SubscriberError> {
        let qos = nuncio::QosProfile {
            reliability: Reliability::Reliable,
            ..nuncio::QosProfile::default()
        };
        let events = node.subscriber_with::<ParameterEvent>("/parameter_events", qos)?;
        let (changes, _) = broadcast::channel(EVENTS_KEPT);
        let sender = changes.clone();
        let hearing = tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                // A node tells of its own parameters only.
                if event.message.node == event.info.node.as_str() {
                    let _ = sender.send(Arc::new(event.message));
                }
            }
        });
        Ok(Self { changes, hearing })
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<ParameterEvent>> {
        self.changes.subscribe()
    }
}

impl Drop for ParameterChanges {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

/// Tells one client of the changes that it wants to know of.
pub(super) async fn tell_changes(
    calls: ParameterCalls,
    known: Arc<Known>,
    mut changes: broadcast::Receiver<Arc<ParameterEvent>>,
) {
    loop {
        let event = match changes.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                let text = format!("{missed} changes of parameters were missed; ask for the values again");
                calls.complain("changes", &text).await;
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let Some(node) = shown_node(&calls.client, &event.node) else {
            continue;
        };
        let changed = event.new_parameters.iter().chain(&event.changed_parameters);
        let named = changed.filter_map(|parameter| {
            let value = NodeValue::from_message(parameter.value.clone()).ok()?;
            Some(to_viewer(full_name(&node, &parameter.name), &value))
        });
        let values: Vec<_> = {
            let wanted = known.parameters();
            named.filter(|parameter| wanted.wants(&parameter.name)).collect()
        };
        if !values.is_empty() && calls.answer(values, None).await.is_err() {
            return;
        }
    }
}

/// The name of a node on Nuncio's side as the client knows it, if it may read its parameters.
fn shown_node(client: &Client, node: &str) -> Option<String> {
    let native = TopicName::parse(&format!("{node}{GET_PARAMETERS}")).ok()?;
    let name = client
        .border()
        .rules()
        .foreign_name(Face::Foxglove, &native, Direction::In)?;
    let may = client.role().may(Act::Call, &native);
    name.strip_suffix(GET_PARAMETERS).filter(|_| may).map(ToOwned::to_owned)
}

fn no_name(name: &str) -> String {
    let shown: String = name.chars().take(128).collect();
    format!("`{shown}` names no parameter; write it as /node.parameter")
}
