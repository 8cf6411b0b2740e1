//! From a message that was received to the frame that is recorded: once for each frame, with who has signed it.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio::security::frame::Writer;
use nuncio::{GenericReceived, Node, PublicKey, TopicName};

use super::recorded_frame::{RecordedFrame, Signer};

/// What the callback of one subscription remembers.
pub(super) struct Taking {
    node: Node,
    topic: TopicName,
    signers: HashMap<(PublicKey, Writer, u64), Arc<Signer>>,
    /// The frame of the last message: its further messages are in it.
    last: Option<(PublicKey, Writer, u64, u64)>,
    type_name: Arc<str>,
}

impl Taking {
    pub(super) fn new(node: Node, topic: TopicName) -> Self {
        Self {
            node,
            topic,
            signers: HashMap::new(),
            last: None,
            type_name: Arc::from(""),
        }
    }

    /// The frame that a message came in, if it is the first one of it.
    pub(super) fn frame_of(&mut self, received: &GenericReceived) -> Option<RecordedFrame> {
        let frame = received.message().frame();
        let header = frame.header();
        let id = (header.key, header.writer, header.epoch, header.first_number);
        if self.last.replace(id) == Some(id) {
            return None;
        }
        if *self.type_name != *frame.type_name() {
            self.type_name = Arc::from(frame.type_name());
        }
        let stream = (header.key, header.writer, header.epoch);
        let (node, topic) = (&self.node, &self.topic);
        let signer = self.signers.entry(stream);
        let signer = signer.or_insert_with(|| Arc::new(signer_of(node, topic, frame)));
        Some(RecordedFrame {
            topic: self.topic.clone(),
            type_name: Arc::clone(&self.type_name),
            type_hash: frame.type_hash(),
            received_ns: frame.received_time_ns(),
            signer: Arc::clone(signer),
            bytes: frame.frame_bytes().to_vec(),
        })
    }
}

/// What the card says of whoever has signed a frame.
fn signer_of(node: &Node, topic: &TopicName, frame: &nuncio::Verified) -> Signer {
    let header = frame.header();
    let nodes = node.graph().nodes;
    let card = nodes
        .into_iter()
        .find(|node| node.key == header.key && node.name == *frame.node());
    let card = card.and_then(|node| node.card);
    let offer = card.iter().flat_map(|card| &card.publishers);
    let offer = offer.filter(|offer| offer.topic == topic.as_str() && offer.writer == header.writer.0);
    let qos = offer.map(Signer::qos_of).next().unwrap_or_default();
    let text = |of: fn(&nuncio::msgs::nuncio_msgs::msg::NodeCard) -> &String| {
        card.as_ref().map(|card| of(card).clone()).unwrap_or_default()
    };
    Signer {
        node: frame.node().clone(),
        key: header.key,
        certificates: text(|card| &card.certificates),
        successions: text(|card| &card.successions),
        qos,
    }
}
