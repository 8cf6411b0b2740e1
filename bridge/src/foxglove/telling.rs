//! Tells one client what there is, as it comes and goes: channels, services, who is at their ends, and what was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use nuncio::TopicName;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

use super::channels::Encoding;
use super::connection_graph::ConnectionGraph;
use super::known::Known;
use super::outbox::{Gone, Outbox};
use super::signers::SignerLedger;
use super::wire::{Advertise, AdvertiseServices, Level, Unadvertise, UnadvertiseServices};
use crate::client::{Client, ServiceOffer, TopicOffer};
use crate::role::Act;
use crate::rules::{Direction, Face};

/// How many types are asked for at a time.
const ASKED_AT_A_TIME: usize = 16;
/// How many channels or services are told of in one message at most.
const TOLD_AT_ONCE: usize = 100;
/// How long changes gather before the client is told of them.
const GATHERED_FOR: Duration = Duration::from_millis(50);
/// How long after a type was not to be had it is asked for again, if nothing changes before.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// One client, and how it is told.
#[derive(Clone)]
pub(super) struct Telling {
    pub(super) client: Client,
    pub(super) known: Arc<Known>,
    pub(super) outbox: Outbox,
    pub(super) encoding: Encoding,
    pub(super) is_old: bool,
}

impl Telling {
    /// Tells of everything that there is, and from then on of what changes.
    pub(super) async fn keep_told(self) {
        // Only the client's end ends it.
        let _: Result<(), Gone> = self.tell_on().await;
    }

    async fn tell_on(&self) -> Result<(), Gone> {
        let mut changes = self.client.border().changes();
        loop {
            changes.mark_unchanged();
            let topics_failed = self.tell_topics().await?;
            let services_failed = self.tell_services().await?;
            self.tell_graph().await?;
            let wait = match topics_failed || services_failed {
                true => ASKED_AGAIN_AFTER,
                false => Duration::MAX,
            };
            if let Ok(Err(_)) = timeout(wait, changes.changed()).await {
                // The border is gone, and the client's connection with it.
                return Ok(());
            }
            sleep(GATHERED_FOR).await;
        }
    }

    /// Says whether the type of a topic was not to be had.
    async fn tell_topics(&self) -> Result<bool, Gone> {
        let offers: Vec<_> = self
            .client
            .topics()
            .into_iter()
            .filter(|offer| self.may_subscribe(&offer.native))
            .collect();
        let gone = self.known.channels().retire(&offers);
        if !gone.is_empty() {
            self.known
                .subscriptions()
                .retain(|_, running| !gone.contains(&running.channel));
            self.outbox.json(&Unadvertise::new(gone)).await?;
        }
        let unknown: Vec<TopicOffer> = self.known.channels().unknown(offers);
        let asked = stream::iter(unknown).map(|offer| async move {
            let ty = self.client.type_of(&offer).await;
            (offer.name, ty)
        });
        let mut told = asked.buffer_unordered(ASKED_AT_A_TIME).ready_chunks(TOLD_AT_ONCE);
        let mut is_failed = false;
        while let Some(answers) = told.next().await {
            let mut channels = Vec::new();
            for (name, ty) in answers {
                match ty {
                    Ok(ty) => channels.push(self.known.channels().add(&name, ty)),
                    Err(error) => {
                        is_failed = true;
                        let text = format!("{name} is not shown: {error}");
                        self.outbox
                            .complain(Level::Warning, &format!("topic {name}"), &text)
                            .await?;
                    }
                }
            }
            let advertised: Vec<_> = channels
                .iter()
                .filter_map(|channel| channel.advertisement(self.encoding))
                .collect();
            if !advertised.is_empty() {
                self.outbox.json(&Advertise::new(advertised)).await?;
            }
        }
        Ok(is_failed)
    }

    /// Says whether the type of a service was not to be had.
    async fn tell_services(&self) -> Result<bool, Gone> {
        let may_call =
            |offer: &ServiceOffer| !offer.graph.servers.is_empty() && self.client.role().may(Act::Call, &offer.native);
        let offers: Vec<_> = self.client.services().into_iter().filter(may_call).collect();
        let gone = self.known.services().retire(&offers);
        if !gone.is_empty() {
            self.outbox.json(&UnadvertiseServices::new(gone)).await?;
        }
        let unknown: Vec<ServiceOffer> = self.known.services().unknown(offers);
        let asked = stream::iter(unknown).map(|offer| async move {
            let ty = self.client.service_type_of(&offer).await;
            (offer.name, ty)
        });
        let mut told = asked.buffer_unordered(ASKED_AT_A_TIME).ready_chunks(TOLD_AT_ONCE);
        let mut is_failed = false;
        while let Some(answers) = told.next().await {
            let mut services = Vec::new();
            for (name, ty) in answers {
                match ty {
                    Ok(ty) => services.push(self.known.services().add(&name, ty)),
                    Err(error) => {
                        is_failed = true;
                        let text = format!("the service {name} is not shown: {error}");
                        self.outbox
                            .complain(Level::Warning, &format!("service {name}"), &text)
                            .await?;
                    }
                }
            }
            let advertised: Vec<_> = services
                .iter()
                .map(|service| service.advertisement(self.is_old))
                .collect();
            if !advertised.is_empty() {
                self.outbox.json(&AdvertiseServices::new(advertised)).await?;
            }
        }
        Ok(is_failed)
    }

    /// Tells what is new in the graph, if the client wants it.
    pub(super) async fn tell_graph(&self) -> Result<(), Gone> {
        let mut told = self.known.graph.lock().await;
        let Some(graph) = told.as_mut() else { return Ok(()) };
        let now = self.graph();
        if let Some(update) = graph.update_to(&now) {
            *graph = now;
            self.outbox.json(&update).await?;
        }
        Ok(())
    }

    fn graph(&self) -> ConnectionGraph {
        let mut graph = ConnectionGraph::default();
        let add = |ends: &mut BTreeMap<String, BTreeSet<String>>, name: &str, nodes: Vec<String>| {
            if !nodes.is_empty() {
                ends.entry(name.to_owned()).or_default().extend(nodes);
            }
        };
        for offer in self.client.topics() {
            let nodes = offer
                .graph
                .publishers
                .iter()
                .map(|end| end.node.name.to_string())
                .collect();
            add(&mut graph.published, &offer.name, nodes);
            let nodes = offer
                .graph
                .subscribers
                .iter()
                .map(|end| end.node.name.to_string())
                .collect();
            add(&mut graph.subscribed, &offer.name, nodes);
        }
        for offer in self.client.services() {
            let nodes = offer
                .graph
                .servers
                .iter()
                .map(|end| end.node.name.to_string())
                .collect();
            add(&mut graph.services, &offer.name, nodes);
        }
        graph
    }

    /// Tells of messages that the node has refused, on topics that the client may see.
    pub(super) async fn tell_refusals(self, ledger: Arc<SignerLedger>) {
        let mut refusals = self.client.border().refusals();
        loop {
            let notice = match refusals.recv().await {
                Ok(notice) => notice,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let Some(topic) = self.shown_name(&notice.topic) else {
                continue;
            };
            let reason = notice.reason.as_str();
            let text = format!(
                "a message on {topic} was refused, {reason}: {}; {}",
                notice.text,
                notice.reason.remedy()
            );
            ledger.refused(&topic, reason, &text);
            let thing = format!("refused {topic} {reason}");
            if self.outbox.complain(Level::Error, &thing, &text).await.is_err() {
                return;
            }
        }
    }

    fn shown_name(&self, native: &TopicName) -> Option<String> {
        let rules = self.client.border().rules();
        let name = rules.foreign_name(Face::Foxglove, native, Direction::Out)?;
        self.client.role().may(Act::Subscribe, native).then_some(name)
    }

    fn may_subscribe(&self, native: &TopicName) -> bool {
        self.shown_name(native).is_some()
    }
}
