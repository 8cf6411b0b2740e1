//! What a bag says of a writer: the JSON on `nuncio/signer`, written and read. Pure.

use nuncio::NodeName;
use nuncio::security::frame::Writer;
use serde::{Deserialize, Serialize};

use super::proven_reader::StreamKey;
use super::recorded_frame::Signer;
use super::seal::StreamName;

/// How many publishers of one topic a node may have for its name to be found out.
const INDEXES_MAX: u32 = 1024;

/// What a bag says of a writer. It is the recorder's word, but for what [`proved`](Self::proved) gives.
#[derive(Deserialize, Serialize)]
pub(super) struct SignerText {
    node: String,
    #[serde(flatten)]
    stream: StreamName,
    #[serde(default)]
    certificates: String,
    #[serde(default)]
    successions: String,
    #[serde(default)]
    qos: String,
}

impl SignerText {
    pub(super) fn of(signer: &Signer, stream: &StreamKey) -> Self {
        Self {
            node: signer.node.as_str().to_owned(),
            stream: StreamName::of(stream),
            certificates: signer.certificates.clone(),
            successions: signer.successions.clone(),
            qos: signer.qos.clone(),
        }
    }

    /// As it stands in the bag.
    pub(super) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(data: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(data).map_err(|error| format!("a signer that is none: {error}"))
    }

    /// The stream and who is said to have signed it.
    pub(super) fn signer(self) -> Result<(StreamKey, Signer), String> {
        let stream = self.stream.key()?;
        let signer = Signer {
            node: NodeName::parse(&self.node).map_err(|error| error.to_string())?,
            key: stream.1,
            certificates: self.certificates,
            successions: self.successions,
            qos: self.qos,
        };
        Ok((stream, signer))
    }

    /// The stream and the node's name, if the writer is derived from it: then whoever has signed the stream has signed the name.
    pub(super) fn proved(self) -> Option<(StreamKey, String)> {
        let stream = self.stream.key().ok()?;
        let is = |index| Writer::derive(&self.node, stream.0.as_str(), index) == stream.2;
        (0..INDEXES_MAX).any(is).then_some((stream, self.node))
    }
}
