//! Topics on their way out: each verified message as CDR, in the name of the node that published it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nuncio::{NodeName, QosProfile};
use tokio::sync::watch;

use super::attachment::Attachment;
use super::complaints::Complaints;
use super::mirror::{Mirror, mirror_of};
use super::plan::{Crossing, Party};
use super::proof_publisher::ProofPublisher;
use super::session::{RosPublisher, SessionError};
use super::side::{CrossingError, DeclaredEndpoint, Side};
use crate::out_message::OutMessage;
use crate::tap::TapOptions;

/// How many messages of a topic wait to be sent.
const QUEUE: usize = 1000;

/// One node's publisher in ROS.
#[derive(Debug)]
struct MirroredPublisher {
    _mirror: Arc<Mirror>,
    shown: DeclaredEndpoint,
    publisher: RosPublisher,
    proof: Option<ProofPublisher>,
    qos: QosProfile,
    next_number: i64,
}

impl MirroredPublisher {
    fn declare(side: &Side, crossing: &Crossing, node: &NodeName, qos: QosProfile) -> Result<Self, SessionError> {
        let mirror = mirror_of(side, node)?;
        let key = side.data_key(&crossing.name, &crossing.ty).to_string();
        let endpoint = (crossing.kind, &crossing.name, &crossing.ty);
        Ok(Self {
            // Others learn whose messages these are before the first one comes.
            shown: side.declare_endpoint(&mirror.node, endpoint, qos)?,
            proof: ProofPublisher::declare(side, &key, &qos)?,
            publisher: side.session.publisher(key, &qos)?,
            _mirror: mirror,
            qos,
            next_number: 1,
        })
    }
}

/// Lets one topic out until it is dropped. `settling`: how long it shows itself before the first message.
pub(crate) async fn run(
    side: Side,
    crossing: Crossing,
    mut party: watch::Receiver<Party>,
    settling: Duration,
) -> Result<(), CrossingError> {
    let mut publishers = HashMap::new();
    let mut complaints = Complaints::of(&side, &crossing.name);
    let known = party.borrow_and_update().clone();
    let options = TapOptions {
        queue: QUEUE,
        ..TapOptions::default()
    };
    let open = || side.client.tap(crossing.name.as_str(), options);
    // Whoever sees the publisher may count on its messages; but while another bridge may begin, too, none is taken.
    let at_once = if settling.is_zero() { Some(open()?) } else { None };
    keep(&side, &crossing, &known, &mut publishers)?;
    tokio::time::sleep(settling).await;
    let mut tap = at_once.map_or_else(open, Ok)?;
    side.tell_crossing(&crossing);
    loop {
        tokio::select! {
            message = tap.recv() => {
                let Some(message) = message else { return Ok(()) };
                let sent = pass(&side, &crossing, &message, &mut publishers);
                if let Err(error) = sent {
                    complaints.add(message.info().node.as_str(), &error);
                }
            }
            changed = party.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let known = party.borrow_and_update().clone();
                keep(&side, &crossing, &known, &mut publishers)?;
            }
        }
    }
}

/// Has a publisher for each node that publishes now, and for no other.
fn keep(
    side: &Side,
    crossing: &Crossing,
    party: &Party,
    publishers: &mut HashMap<NodeName, MirroredPublisher>,
) -> Result<(), SessionError> {
    publishers.retain(|node, publisher| party.nodes.get(node) == Some(&publisher.qos));
    for (node, qos) in &party.nodes {
        if !publishers.contains_key(node) {
            publishers.insert(node.clone(), MirroredPublisher::declare(side, crossing, node, *qos)?);
        }
    }
    Ok(())
}

fn pass(
    side: &Side,
    crossing: &Crossing,
    message: &OutMessage,
    publishers: &mut HashMap<NodeName, MirroredPublisher>,
) -> Result<(), CrossingError> {
    let (info, ty) = (message.info(), message.ty());
    let is_of_type = ty.name() == crossing.ty.name && Some(ty.hash()) == crossing.ty.hash;
    if !is_of_type || side.is_from_here(info.origin.as_deref(), &info.signer) {
        return Ok(());
    }
    let cdr = message.cdr().map_err(Clone::clone)?;
    let publisher = match publishers.get_mut(&info.node) {
        Some(known) => known,
        // It has come before the news of its publisher.
        None => {
            let made = MirroredPublisher::declare(side, crossing, &info.node, QosProfile::default())?;
            publishers.entry(info.node.clone()).or_insert(made)
        }
    };
    let attachment = Attachment {
        number: publisher.next_number,
        source_time_ns: info.source_time_ns,
        gid: publisher.shown.gid,
    };
    publisher.next_number = publisher.next_number.wrapping_add(1);
    let beside = match &mut publisher.proof {
        Some(proof) => [attachment.to_bytes().as_slice(), &proof.show(message, attachment)?].concat(),
        None => attachment.to_bytes().to_vec(),
    };
    publisher.publisher.put(cdr.clone(), &beside)?;
    Ok(())
}
