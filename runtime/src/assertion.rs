//! Assertions of liveliness: what a node signs, within a third of the shortest lease, for its publishers that have one.
//!
//! A liveliness token of the link is no proof of life, as nobody signs it; a statement that was recorded is none either, as
//! its number has to be greater than that of every card and statement before it. Whoever rules over the link can hold
//! statements back and let them go later, as with messages: that a publisher is alive is known up to that.

use nuncio_msgs::Message;
use nuncio_msgs::nuncio_msgs::msg::LivelinessAssertion;

use crate::card::time_from_ns;
use crate::clock;
use crate::key_expr::{self, NodeClaim};
use crate::name::Domain;
use crate::node::NodeCore;
use crate::security::context::Context;
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Writer};
use crate::security::peers::Peers;
use crate::security::refusal::{Reason, Refusal};

/// Opens a statement that arrived for `claim`: the signature holds, and it says of itself what the claim says. Gives the
/// writers and the number.
pub(crate) fn open(
    raw: &[u8],
    domain: &Domain,
    claim: &NodeClaim,
    peers: &Peers,
) -> Result<(Vec<Writer>, u64), Refusal> {
    let context = context(domain, claim.node.as_str());
    let (said, header): (LivelinessAssertion, _) = document::open(raw, Kind::Attestation, &context, claim.key, peers)?;
    if (said.node.as_str(), said.epoch, header.epoch) != (claim.node.as_str(), claim.epoch, claim.epoch) {
        let detail = format!(
            "an assertion of liveliness by {}, epoch {}, sent as one of {}",
            said.node, said.epoch, claim.node
        );
        return Err(Refusal::new(Reason::Malformed, Some(claim.key), detail));
    }
    Ok((said.writers.into_iter().map(Writer).collect(), header.first_number))
}

fn context(domain: &Domain, node: &str) -> Context {
    let (name, hash) = (LivelinessAssertion::TYPE_NAME, &LivelinessAssertion::TYPE_HASH);
    Context::new(domain, node, name, hash, Kind::Attestation, &[])
}

impl NodeCore {
    /// Says that these publishers of this node are alive.
    pub(crate) fn assert_alive(&self, writers: &[Writer]) {
        let now_ns = clock::now_ns();
        let said = LivelinessAssertion {
            node: self.name.as_str().to_owned(),
            epoch: self.epoch,
            stamp: time_from_ns(now_ns),
            writers: writers.iter().map(|writer| writer.0).collect(),
        };
        let place = DocumentPlace {
            kind: Kind::Attestation,
            context: context(&self.domain, self.name.as_str()),
            writer: Writer::derive(self.name.as_str(), "@alive", 0),
            epoch: self.epoch,
            number: self.next_card_number(),
            time_ns: now_ns,
        };
        match document::seal(&self.identity, &said, &place) {
            Ok(bytes) => {
                let key_expr = key_expr::assertion(&self.domain, &self.public_key(), self.epoch, &self.name);
                // One that cannot be sent now is as good as lost, and another one follows.
                let _ = self.link.put_if_room(&key_expr, bytes);
            }
            Err(refusal) => self.refuse_document(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NodeName;
    use crate::security::key::Identity;

    #[test]
    fn a_statement_of_another_node_instance_or_domain_is_none() {
        let identity = Identity::from_seed(&[3; 32]);
        let (domain, node) = (Domain::default(), NodeName::parse("/talker").unwrap());
        let said = LivelinessAssertion {
            node: node.as_str().to_owned(),
            epoch: 5,
            writers: vec![7, 8],
            ..LivelinessAssertion::default()
        };
        let place = DocumentPlace {
            kind: Kind::Attestation,
            context: context(&domain, node.as_str()),
            writer: Writer(1),
            epoch: 5,
            number: 9,
            time_ns: 0,
        };
        let raw = document::seal(&identity, &said, &place).unwrap();
        let claim = |key, epoch, name: &str| NodeClaim {
            key,
            epoch,
            node: NodeName::parse(name).unwrap(),
        };
        let (key, peers) = (identity.public_key(), Peers::default());
        let opened =
            |domain: &Domain, claim: &NodeClaim| open(&raw, domain, claim, &peers).map_err(|refusal| refusal.reason);
        let read = Ok((vec![Writer(7), Writer(8)], 9));
        assert_eq!(opened(&domain, &claim(key, 5, "/talker")), read);
        assert_eq!(opened(&domain, &claim(key, 6, "/talker")), Err(Reason::Malformed));
        assert_eq!(opened(&domain, &claim(key, 5, "/other")), Err(Reason::BadSignature));
        let elsewhere = Domain::parse("elsewhere").unwrap();
        assert_eq!(opened(&elsewhere, &claim(key, 5, "/talker")), Err(Reason::BadSignature));
        let stranger = Identity::from_seed(&[4; 32]).public_key();
        assert_eq!(
            opened(&domain, &claim(stranger, 5, "/talker")),
            Err(Reason::BadSignature)
        );
    }
}
