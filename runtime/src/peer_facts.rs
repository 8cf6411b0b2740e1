//! What a node knows of the other nodes.

use crate::clock;
use crate::name::NodeName;
use crate::node::{Node, NodeCore};
use crate::security::believer::Verdict;
use crate::security::key::PublicKey;
use crate::security::peer::Peer;
use crate::security::role::Nickname;
use crate::security::trust_policy::TrustPolicy;

/// What a node knows of another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerFacts {
    /// Its full name. A claim only, where there is no verdict.
    pub name: NodeName,
    /// Its key. A claim only, where there is no verdict.
    pub key: PublicKey,
    /// What people call the key, by trust.toml or by a certificate of an anchor.
    pub nickname: Option<Nickname>,
    /// The start of this instance, in ms since 1970.
    pub epoch: u64,
    /// What the pins, or in mode `enforce` the roles, say of it. `None`: only a token was seen, and no card that the key has
    /// signed.
    pub verdict: Option<Verdict>,
    /// Whether its key was revoked.
    pub revoked: bool,
    /// When the first card of this instance came, ns since 1970.
    pub first_seen_ns: Option<i64>,
    /// When something that it has signed last came: a card that told something new, or a message. ns since 1970.
    pub last_seen_ns: Option<i64>,
    /// Frames that named its key and were refused. Whoever made them need not hold the key.
    pub refused: u64,
    /// How far its clock is ahead of ours in nanoseconds, where that was measured.
    pub clock_offset_ns: Option<i64>,
}

impl Node {
    /// The other nodes that this one knows, by name, those included that only claim to be there.
    pub fn peers(&self) -> Vec<PeerFacts> {
        self.core.peer_facts()
    }
}

impl NodeCore {
    pub(crate) fn peer_facts(&self) -> Vec<PeerFacts> {
        let (policy, now_ns) = (self.trust.policy(), self.trust.latest(clock::now_ns()));
        let own = (self.public_key(), &self.name);
        let nodes = self.graph.snapshot(&self.peers).nodes;
        let others = nodes.into_iter().filter(|node| (node.key, &node.name) != own);
        others
            .map(|node| {
                let peer = self.peers.node(node.key, &node.name).filter(|_| node.is_verified());
                let revoked = policy.revoked_at(node.key).is_some_and(|at_ns| at_ns <= now_ns);
                let verdict = peer.as_ref().map(|peer| {
                    let holds_role = !revoked && holds_role(peer, &policy, now_ns);
                    self.believer.opinion_of(&node.name, node.key, &policy, holds_role)
                });
                let (first, last) = peer.as_ref().map_or((0, 0), |peer| peer.seen_ns());
                PeerFacts {
                    nickname: nickname(node.key, peer.as_deref(), &policy),
                    name: node.name,
                    key: node.key,
                    epoch: node.epoch,
                    verdict,
                    revoked,
                    first_seen_ns: Some(first).filter(|ns| *ns != 0),
                    last_seen_ns: Some(last).filter(|ns| *ns != 0),
                    refused: self.peers.known_key(node.key).map_or(0, |key| key.refused()),
                    clock_offset_ns: peer.and_then(|peer| peer.clock_offset_ns()),
                }
            })
            .collect()
    }
}

/// Whether the policy gives the node any role now, by a grant or through a certificate of an anchor.
fn holds_role(peer: &Peer, policy: &TrustPolicy, now_ns: i64) -> bool {
    let key = peer.public_key();
    let granted = policy.grants().any(|grant| {
        let begins = grant.not_before_ns.is_none_or(|from| from <= now_ns);
        grant.key == key && begins && grant.expires_ns.is_none_or(|until| now_ns < until)
    });
    granted
        || match &peer.credentials().certificate {
            Some(Ok(chain)) => {
                policy.is_anchor(chain.anchor())
                    && chain.leaf().terms().subject == key
                    && chain.certificates().all(|certificate| {
                        let terms = certificate.terms();
                        terms.not_before_ns <= now_ns && now_ns < terms.not_after_ns
                    })
            }
            Some(Err(_)) | None => false,
        }
}

/// The person's own word first, then that of an anchor.
fn nickname(key: PublicKey, peer: Option<&Peer>, policy: &TrustPolicy) -> Option<Nickname> {
    let granted = policy.grants().find(|grant| grant.key == key);
    let anchor = policy.anchors().find(|(_, anchor)| *anchor == key);
    let in_policy = granted
        .map(|grant| &grant.nickname)
        .or(anchor.map(|(nickname, _)| nickname));
    in_policy.cloned().or_else(|| match &peer?.credentials().certificate {
        Some(Ok(chain)) if policy.is_anchor(chain.anchor()) && chain.leaf().terms().subject == key => {
            Some(chain.leaf().terms().nickname.clone())
        }
        _ => None,
    })
}
