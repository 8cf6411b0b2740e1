//! Topics on their way in: each message of a node of ROS, checked against its type and signed with the bridge's key, in the
//! name of that node.

use std::sync::Arc;
use std::time::Duration;

use nuncio::{NodeName, QosProfile};
use tokio::sync::watch;

use super::attachment::Attachment;
use super::backlog::{Backlog, Waiting};
use super::complaints::Complaints;
use super::data_key::DataKey;
use super::describing;
use super::mirror::mirror_of;
use super::plan::{Crossing, Party};
use super::session::{Declared, RosSample, SessionError};
use super::side::{CrossingError, Side};
use super::token::EndpointKind;
use crate::bridge_type::Body;
use crate::entry::Entry;

/// How many messages of a topic wait to be signed.
const QUEUE: usize = 1000;

/// A message comes from a node that is none of ROS: what a bridge sends is let in by nobody.
const OF_A_BRIDGE: &str = "";

/// Lets one topic in until it is dropped. `settling`: how long it shows itself before the first message.
pub(crate) async fn run(
    side: Side,
    crossing: Crossing,
    mut party: watch::Receiver<Party>,
    settling: Duration,
) -> Result<(), CrossingError> {
    let nodes: Vec<NodeName> = party.borrow().nodes.keys().cloned().collect();
    let ty = describing::message_type(&side, &crossing.ty, &nodes).await?;
    let key = side.data_key(&crossing.name, &crossing.ty);
    let own = side.client.border().node().name().clone();
    let mirror = mirror_of(&side, &own)?;
    let mut complaints = Complaints::of(&side, &crossing.name);
    loop {
        let qos = party.borrow_and_update().profile();
        // Publishers look for the token before they send anything at all, the newest ones at least.
        let endpoint = (crossing.kind, &crossing.name, &crossing.ty);
        let _shown = side.declare_endpoint(&mirror.node, endpoint, qos)?;
        tokio::time::sleep(settling).await;
        let entry = side.client.entry(crossing.name.as_str(), &ty, profile(qos))?;
        let backlog = Arc::new(Backlog::new(QUEUE));
        let _subscribed = subscribe(&side, &key, &qos, &backlog)?;
        side.tell_crossing(&crossing);
        let lane = Lane {
            side: &side,
            key: &key,
            entry,
        };
        loop {
            tokio::select! {
                (message, dropped) = backlog.pop() => {
                    if dropped > 0 {
                        complaints.add_many(dropped, "the nodes of this topic", &"more than the bridge can sign in time");
                    }
                    lane.pass(&message, &mut complaints);
                }
                changed = party.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    if party.borrow().profile() != qos {
                        break;
                    }
                }
            }
        }
    }
}

/// What the bridge publishes with what nodes of ROS offer.
fn profile(offered: QosProfile) -> QosProfile {
    QosProfile {
        reliability: offered.reliability,
        durability: offered.durability,
        ..QosProfile::keep_last(offered.depth.get())
    }
}

fn subscribe(side: &Side, key: &DataKey, qos: &QosProfile, backlog: &Arc<Backlog>) -> Result<Declared, SessionError> {
    let (weak, backlog) = (Arc::downgrade(side), Arc::clone(backlog));
    let receive = move |sample: RosSample<'_>| {
        let Some(side) = weak.upgrade() else { return };
        if !sample.session().is_some_and(|session| side.graph().is_bridge(&session)) {
            backlog.push(Waiting {
                cdr: sample.payload().into_owned(),
                attachment: sample.attachment().into_owned(),
            });
        }
    };
    side.session.subscribe(key.to_string(), qos, receive)
}

/// The way of one topic's messages.
struct Lane<'a> {
    side: &'a Side,
    key: &'a DataKey,
    entry: Entry,
}

impl Lane<'_> {
    fn pass(&self, message: &Waiting, complaints: &mut Complaints) {
        let Some(attachment) = Attachment::read(&message.attachment) else {
            let len = message.attachment.len();
            let problem = format!("33 bytes come beside each message of rmw_zenoh, beside this one {len}");
            let only = self.side.graph().only_node(EndpointKind::Publisher, self.key).cloned();
            complaints.add(only.as_ref().map_or("an unknown node", NodeName::as_str), &problem);
            self.side.client.count_refused();
            return;
        };
        let node = self.node_of(&attachment);
        if node == OF_A_BRIDGE {
            return;
        }
        if let Err(error) = self.entry.publish_for(&node, Body::Cdr(&message.cdr)) {
            complaints.add(&node, &error);
        }
    }

    /// The node that wrote a message, by the id beside it; [`OF_A_BRIDGE`] when a bridge did.
    fn node_of(&self, attachment: &Attachment) -> String {
        let graph = self.side.graph();
        match graph.writer(&attachment.gid) {
            Some(writer) if graph.is_bridge(&writer.node.session) => OF_A_BRIDGE.to_owned(),
            Some(writer) => writer.node.name.as_str().to_owned(),
            None => {
                let only = graph.only_node(EndpointKind::Publisher, self.key);
                only.map_or_else(|| format!("gid {}", attachment.gid), |node| node.as_str().to_owned())
            }
        }
    }
}
