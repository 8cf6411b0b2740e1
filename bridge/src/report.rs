//! What goes on at the border, for people and programs that look: clients, topics, refusals, drops.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use nuncio::TopicName;
use schemars::JsonSchema;
use serde::Serialize;

use crate::border::Border;
use crate::client::ClientInner;
use crate::role::{Act, ClientRole};
use crate::rules::{Face, Route};

/// The border at one moment. All counts are since the bridge, or the client, has begun.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct BorderReport {
    /// The bridge's node.
    pub node: String,
    /// The key that signs whatever comes in.
    pub key: String,
    /// The domain.
    pub domain: String,
    /// For how long it runs, in seconds.
    pub uptime_s: f64,
    /// What may cross, the first route first.
    pub routes: Vec<RouteReport>,
    /// Who uses it now.
    pub clients: Vec<ClientReport>,
    /// The topics that somebody is subscribed to, and those of which messages were refused.
    pub topics: Vec<TopicReport>,
}

/// One route.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RouteReport {
    /// The names on Nuncio's side.
    pub pattern: String,
    /// Whether foreign clients may publish, call and serve.
    pub inward: bool,
    /// Whether they may subscribe.
    pub outward: bool,
    /// For which faces.
    pub faces: Vec<Face>,
    /// What names begin with on Nuncio's side, and what instead on the foreign side.
    pub rename: Option<(String, String)>,
    /// The most messages of a topic that go to one client, a second; 0: any number.
    pub rate_max: f64,
}

/// One client.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ClientReport {
    /// Its number since the bridge has begun.
    pub id: u64,
    /// The face.
    pub face: Face,
    /// Who it is.
    pub who: String,
    /// Its role.
    pub role: String,
    /// For how long it is there, in seconds.
    pub connected_s: f64,
    /// Topics that it is subscribed to.
    pub subscriptions: usize,
    /// Services that it offers.
    pub services: usize,
    /// Messages and calls from it that were signed and passed on.
    pub received: u64,
    /// Bytes of those messages, as far as their length was known.
    pub received_bytes: u64,
    /// Messages that it took.
    pub sent: u64,
    /// Bytes of their payloads.
    pub sent_bytes: u64,
    /// Messages dropped because it did not take them.
    pub dropped: u64,
    /// What it tried and was refused.
    pub refused: u64,
}

/// One topic.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct TopicReport {
    /// The name on Nuncio's side.
    pub topic: String,
    /// How many clients are subscribed.
    pub taps: usize,
    /// Verified messages passed to them.
    pub passed: u64,
    /// Verified messages whose type nobody could tell.
    pub untranslated: u64,
    /// Messages that were refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Border {
    /// What goes on now.
    pub fn report(&self) -> BorderReport {
        let mut clients: Vec<ClientReport> = self.clients().iter().map(|client| report_client(client)).collect();
        clients.sort_by_key(|client| client.id);
        BorderReport {
            node: self.node().name().to_string(),
            key: self.node().public_key().to_string(),
            domain: self.node().domain().to_string(),
            uptime_s: self.started().elapsed().as_secs_f64(),
            routes: self.rules().routes.iter().map(report_route).collect(),
            clients,
            topics: self.report_topics(),
        }
    }

    /// What somebody with this role may see of it: everything, where it may subscribe to everything, else the topics that it may
    /// subscribe to. `own` is the number of the client who asks, which it sees in any case.
    pub fn report_for(&self, role: &ClientRole, own: Option<u64>) -> BorderReport {
        let mut report = self.report();
        if role.sees_everything() {
            return report;
        }
        report.clients.retain(|client| Some(client.id) == own);
        let is_visible =
            |topic: &TopicReport| TopicName::parse(&topic.topic).is_ok_and(|name| role.may(Act::Subscribe, &name));
        report.topics.retain(is_visible);
        report.routes.clear();
        report
    }

    fn report_topics(&self) -> Vec<TopicReport> {
        let mut topics: BTreeMap<String, TopicReport> = BTreeMap::new();
        for source in self.sources() {
            let topic = topics.entry(source.topic().to_string()).or_default();
            topic.taps = source.taps();
            topic.passed = source.passed.load(Ordering::Relaxed);
            topic.untranslated = source.untranslated.load(Ordering::Relaxed);
        }
        for (topic, refused) in self.refused() {
            let counts = refused.into_iter().map(|(reason, count)| (reason.as_str(), count));
            topics.entry(topic.to_string()).or_default().refused.extend(counts);
        }
        let named = topics
            .into_iter()
            .map(|(topic, report)| TopicReport { topic, ..report });
        named.collect()
    }
}

fn report_route(route: &Route) -> RouteReport {
    RouteReport {
        pattern: format!("/{}", route.pattern.as_str()),
        inward: route.inward,
        outward: route.outward,
        faces: route.faces.clone(),
        rename: route.rename.clone(),
        rate_max: match route.min_interval.is_zero() {
            true => 0.0,
            false => 1.0 / route.min_interval.as_secs_f64(),
        },
    }
}

fn report_client(client: &ClientInner) -> ClientReport {
    let counters = &client.counters;
    ClientReport {
        id: client.id,
        face: client.face,
        who: client.who.clone(),
        role: client.role.name.clone(),
        connected_s: client.since.elapsed().as_secs_f64(),
        subscriptions: client.taps.load(Ordering::Relaxed),
        services: client.services.load(Ordering::Relaxed),
        received: counters.received.load(Ordering::Relaxed),
        received_bytes: counters.received_bytes.load(Ordering::Relaxed),
        sent: counters.sent.load(Ordering::Relaxed),
        sent_bytes: counters.sent_bytes.load(Ordering::Relaxed),
        dropped: counters.dropped.load(Ordering::Relaxed),
        refused: counters.refused.load(Ordering::Relaxed),
    }
}
