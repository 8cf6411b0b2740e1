//! What this program's own keystore says of the nodes that it sees: whom they are called by, and whether they are believed.

use std::collections::BTreeMap;

use nuncio::graph::{Graph, GraphNode};
use nuncio::{NodeName, PeerFacts, PublicKey, Verdict};

/// Which node. Two that share a name, or a key, are two.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeId {
    pub(crate) name: NodeName,
    pub(crate) key: PublicKey,
}

impl NodeId {
    pub(crate) fn new(name: &NodeName, key: PublicKey) -> Self {
        Self {
            name: name.clone(),
            key,
        }
    }

    pub(crate) fn of(node: &GraphNode) -> Self {
        Self::new(&node.name, node.key)
    }
}

/// What this program's own keystore says of a node. Worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Trust {
    /// What it signs is delivered.
    Believed(Word),
    /// What it signs is refused, or delivered in mode `observe` only.
    Disbelieved(Word),
    /// Somebody claims the name and the key: no card has come that the key has signed.
    Unverified,
}

/// What is known here of a node's key.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// What people call the key.
    pub(crate) nickname: Option<String>,
    /// Whether a card, signed by the key, confirms that it runs the node.
    pub(crate) is_verified: bool,
    pub(crate) trust: Trust,
}

/// Why a node is believed, or not.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Word {
    Permitted,
    Pinned,
    Unpinned,
    PinMismatch,
    NotPermitted,
    Revoked,
}

impl Trust {
    /// What follows from the verdict on a node.
    pub(crate) fn of(verdict: Option<Verdict>, revoked: bool) -> Self {
        match verdict {
            _ if revoked => Self::Disbelieved(Word::Revoked),
            None => Self::Unverified,
            Some(Verdict::Pinned) => Self::Believed(Word::Pinned),
            Some(Verdict::Unpinned) => Self::Believed(Word::Unpinned),
            Some(Verdict::Permitted) => Self::Believed(Word::Permitted),
            Some(Verdict::PinMismatch) => Self::Disbelieved(Word::PinMismatch),
            // What this program does not know is no reason to believe.
            Some(_) => Self::Disbelieved(Word::NotPermitted),
        }
    }

    /// The word for it, in JSON as well.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Believed(word) | Self::Disbelieved(word) => match word {
                Word::Permitted => "permitted",
                Word::Pinned => "pinned",
                Word::Unpinned => "unpinned",
                Word::PinMismatch => "pin_mismatch",
                Word::NotPermitted => "not_permitted",
                Word::Revoked => "revoked",
            },
        }
    }

    /// Whether the node's word counts.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Self::Believed(_))
    }
}

/// The standing of every node of a graph.
pub(crate) fn standings(graph: &Graph, peers: &[PeerFacts]) -> BTreeMap<NodeId, Standing> {
    let peers: BTreeMap<NodeId, &PeerFacts> = peers
        .iter()
        .map(|peer| (NodeId::new(&peer.name, peer.key), peer))
        .collect();
    let standing = |node: &GraphNode| {
        let id = NodeId::of(node);
        let peer = peers.get(&id);
        let verdict = peer.and_then(|peer| peer.verdict).filter(|_| node.is_verified());
        let standing = Standing {
            nickname: peer.and_then(|peer| peer.nickname.as_ref()).map(ToString::to_string),
            is_verified: node.is_verified(),
            trust: Trust::of(verdict, peer.is_some_and(|peer| peer.revoked)),
        };
        (id, standing)
    };
    graph.nodes.iter().map(standing).collect()
}
