//! The card: what a node says about itself, signed; made here and opened here.

use nuncio_msgs::Message;
use nuncio_msgs::builtin_interfaces::msg::Time;
use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use crate::key_expr::NodeClaim;
use crate::name::{Domain, NodeName};
use crate::security::context::Context;
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Writer};
use crate::security::key::Identity;
use crate::security::peers::{AuthenticCard, Peers};
use crate::security::refusal::{Reason, Refusal};

/// The bytes of a nonce.
pub(crate) const NONCE_LEN: usize = 16;

/// Signs a card. `nonce` is that of the query it answers, or empty when it is pushed.
pub(crate) fn seal(
    identity: &Identity,
    domain: &Domain,
    card: &NodeCard,
    number: u64,
    now_ns: i64,
    nonce: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let place = DocumentPlace {
        kind: Kind::Card,
        context: context(domain, &card.node, nonce),
        writer: Writer::derive(&card.node, "@card", 0),
        epoch: card.epoch,
        number,
        time_ns: now_ns,
    };
    document::seal(identity, card, &place)
}

/// Opens a card that arrived for `claim`: the signature holds for this node, domain and nonce, and the card says of
/// itself what the claim says.
pub(crate) fn open(
    raw: &[u8],
    domain: &Domain,
    claim: &NodeClaim,
    nonce: &[u8],
    peers: &Peers,
) -> Result<AuthenticCard, Refusal> {
    let context = context(domain, claim.node.as_str(), nonce);
    let (card, header): (NodeCard, _) = document::open(raw, Kind::Card, &context, claim.key, peers)?;
    let says = (card.node.as_str(), card.domain.as_str(), card.epoch, header.epoch);
    if says != (claim.node.as_str(), domain.as_str(), claim.epoch, claim.epoch) {
        let detail = format!(
            "a card of {} in domain {}, epoch {}, served for {}",
            card.node, card.domain, card.epoch, claim.node
        );
        return Err(Refusal::new(Reason::Malformed, Some(claim.key), detail));
    }
    let name = NodeName::parse(&card.node)
        .map_err(|error| Refusal::new(Reason::Malformed, Some(claim.key), error.to_string()))?;
    Ok(AuthenticCard {
        name,
        key: claim.key,
        epoch: claim.epoch,
        number: header.first_number,
        time_ns: header.first_time_ns,
        card,
    })
}

fn context(domain: &Domain, node: &str, nonce: &[u8]) -> Context {
    Context::new(
        domain,
        node,
        NodeCard::TYPE_NAME,
        &NodeCard::TYPE_HASH,
        Kind::Card,
        nonce,
    )
}

/// A time in nanoseconds as the interfaces have it. Times before 1970 or after 2106 are cut to what fits.
pub fn time_from_ns(ns: i64) -> Time {
    Time {
        sec: i32::try_from(ns.div_euclid(1_000_000_000)).unwrap_or(i32::MAX),
        nanosec: u32::try_from(ns.rem_euclid(1_000_000_000)).unwrap_or_default(),
    }
}
