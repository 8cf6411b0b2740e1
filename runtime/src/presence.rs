//! Presence: how a node is seen by others. Its liveliness token, its card, the definitions of what it publishes, and the
//! frames that it remembers.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

use nuncio_msgs::TypeHash;
use nuncio_msgs::nuncio_msgs::msg::NodeCard;

use crate::card::{self, time_from_ns};
use crate::clock;
use crate::contact::Note;
use crate::key_expr;
use crate::link::{Declared, LinkError, Query};
use crate::node::NodeCore;
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Writer};
use crate::security::peers::{AuthenticCard, CardRoad};
use crate::security::refusal::Refusal;
use crate::type_support;

impl NodeCore {
    /// The card is to be published anew. This node itself learns of the change at once. Gives the change's number.
    pub(crate) fn card_changed(&self) -> u64 {
        let version = self.card_version.fetch_add(1, Ordering::AcqRel) + 1;
        if self.check_open().is_ok() {
            self.know_own_card();
            self.contact.leave(Note::OwnCardChanged);
        }
        version
    }

    /// Publishes the card, unless that was done since the change with this number.
    pub(crate) fn announce_card(&self, change: u64) {
        if self.announced_version.load(Ordering::Acquire) >= change || self.check_open().is_err() {
            return;
        }
        let version = self.card_version.load(Ordering::Acquire);
        if let Some(bytes) = self.sealed_card(&[]) {
            let key_expr = key_expr::card(&self.domain, &self.public_key(), self.epoch, &self.name);
            // A card that cannot be sent now is asked for by whoever needs it.
            let _ = self.link.put(&key_expr, bytes);
        }
        self.announced_version.fetch_max(version, Ordering::AcqRel);
    }

    /// Publishes the card if it has changed since it was published; called by the contact thread.
    pub(crate) fn announce_newest_card(&self) {
        self.announce_card(self.card_version.load(Ordering::Acquire));
    }

    pub(crate) fn declare_presence(self: &Arc<Self>) -> Result<(), LinkError> {
        let key = self.public_key();
        let node_of = |weak: &Weak<Self>| weak.upgrade().filter(|node| node.check_open().is_ok());
        let own_card = key_expr::card(&self.domain, &key, self.epoch, &self.name);
        let (weak, answer_on) = (Arc::downgrade(self), own_card.clone());
        let cards = self.link.serve(&own_card, move |query| {
            if let Some(node) = node_of(&weak) {
                node.answer_card(&query, &answer_on);
            }
        })?;
        let facts = self.declare_facts()?;
        let weak = Arc::downgrade(self);
        let types = self
            .link
            .serve(&key_expr::type_definitions(&self.domain, &key), move |query| {
                if let Some(node) = node_of(&weak) {
                    node.answer_type(&query);
                }
            })?;
        let answer = |weak: Weak<Self>| {
            move |query: Query| {
                if let Some(node) = node_of(&weak) {
                    node.answer_from_evidence(&query);
                }
            }
        };
        let [by_message, by_cause] = key_expr::all_frame_questions(&self.domain);
        let messages = self.link.serve(&by_message, answer(Arc::downgrade(self)))?;
        let effects = self.link.serve(&by_cause, answer(Arc::downgrade(self)))?;
        let weak = Arc::downgrade(self);
        let histories = key_expr::histories(&self.domain, &key, self.epoch);
        let histories = self.link.serve(&histories, move |query| {
            if let Some(node) = node_of(&weak) {
                node.history.take(&node, query);
            }
        })?;
        let receipts = self.declare_receipts()?;
        let announcements = self.hear_cards()?;
        let [lists, list_answers] = self.declare_revocations()?;
        let tokens = self.watch_tokens()?;
        self.know_own_card();
        let token = self
            .link
            .declare_token(&key_expr::node_token(&self.domain, &key, self.epoch, &self.name))?;
        let mut declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        declared.extend([
            token,
            tokens,
            list_answers,
            lists,
            announcements,
            receipts,
            histories,
            effects,
            messages,
            types,
            facts,
            cards,
        ]);
        Ok(())
    }

    fn hear_cards(self: &Arc<Self>) -> Result<Declared, LinkError> {
        let weak = Arc::downgrade(self);
        self.link
            .subscribe(&key_expr::all_cards(&self.domain), move |key_expr, bytes| {
                if let Some(node) = weak.upgrade()
                    && node.check_open().is_ok()
                    && let Some(claim) = key_expr::parse_node_claim(&node.domain, key_expr)
                    && !node.is_own(&claim)
                {
                    node.contact.leave(Note::Announced(claim, bytes));
                }
            })
    }

    fn declare_receipts(self: &Arc<Self>) -> Result<Declared, LinkError> {
        let weak = Arc::downgrade(self);
        let receipts = key_expr::receipts(&self.domain, &self.public_key(), self.epoch, &self.name);
        self.link.serve(&receipts, move |query| {
            if let Some(node) = weak.upgrade().filter(|node| node.check_open().is_ok()) {
                node.take_receipt_request(query);
            }
        })
    }

    fn watch_tokens(self: &Arc<Self>) -> Result<Declared, LinkError> {
        let weak = Arc::downgrade(self);
        self.link
            .watch_tokens(&key_expr::all_node_tokens(&self.domain), move |key_expr, alive| {
                if let Some(node) = weak.upgrade()
                    && node.check_open().is_ok()
                    && let Some(claim) = key_expr::parse_node_claim(&node.domain, key_expr)
                    && !node.is_own(&claim)
                {
                    node.contact.leave(if alive {
                        Note::TokenAppeared(claim)
                    } else {
                        Note::TokenVanished(claim)
                    });
                }
            })
    }

    /// Undeclares everything, the token first.
    pub(crate) fn take_back_presence(&self) {
        let declared = std::mem::take(&mut *self.declared.lock().unwrap_or_else(PoisonError::into_inner));
        declared.into_iter().for_each(drop);
    }

    fn is_own(&self, claim: &key_expr::NodeClaim) -> bool {
        claim.key == self.public_key() && claim.node == self.name && claim.epoch == self.epoch
    }

    fn answer_card(&self, query: &Query, answer_on: &str) {
        let nonce = query.payload();
        // Whoever sends no nonce of ours asks for something to replay.
        if nonce.len() == card::NONCE_LEN
            && let Some(bytes) = self.sealed_card(&nonce)
        {
            let _ = query.reply(answer_on, bytes);
        }
    }

    fn answer_type(&self, query: &Query) {
        let nonce = query.payload();
        let Some(type_hash) = key_expr::parse_type_definition(query.key_expr()) else {
            return;
        };
        let Some(definition) = self
            .endpoints
            .definition(&type_hash)
            .filter(|_| nonce.len() == card::NONCE_LEN)
        else {
            return;
        };
        let place = DocumentPlace {
            kind: Kind::Response,
            context: type_support::context(&self.domain, &TypeHash::from_bytes(type_hash), &nonce),
            writer: Writer::derive(self.name.as_str(), "@type", 0),
            epoch: self.epoch,
            number: self.next_card_number(),
            time_ns: clock::now_ns(),
        };
        if let Some(bytes) = self.or_report(document::seal(&self.identity, &*definition, &place)) {
            let answer_on = key_expr::type_definition(&self.domain, &self.public_key(), &type_hash);
            let _ = query.reply(&answer_on, bytes);
        }
    }

    /// Enters this node's own card among the peers', so that it hears itself as it hears others.
    fn know_own_card(&self) {
        let (card, number, time_ns) = self.card();
        let own = AuthenticCard {
            card,
            name: self.name.clone(),
            key: self.public_key(),
            epoch: self.epoch,
            number,
            time_ns,
        };
        if let Err(refusal) = self.peers.admit(own, CardRoad::Answered) {
            self.refuse_document(refusal);
        }
        self.match_node(self.public_key(), &self.name);
        self.graph.changed();
        self.meet_publishers_of(self.public_key());
    }

    fn sealed_card(&self, nonce: &[u8]) -> Option<Vec<u8>> {
        let (card, number, time_ns) = self.card();
        self.or_report(card::seal(&self.identity, &self.domain, &card, number, time_ns, nonce))
    }

    /// A document of our own that breaks its schema is reported with the refusals: nobody else would ever see it.
    pub(crate) fn or_report(&self, sealed: Result<Vec<u8>, Refusal>) -> Option<Vec<u8>> {
        sealed.map_err(|refusal| self.refuse_document(refusal)).ok()
    }

    /// The card as it is now, with its number and time.
    fn card(&self) -> (NodeCard, u64, i64) {
        let number = self.next_card_number();
        let now_ns = clock::now_ns();
        let (publishers, subscribers) = self.endpoints.card_entries();
        let card = NodeCard {
            node: self.name.as_str().to_owned(),
            domain: self.domain.as_str().to_owned(),
            epoch: self.epoch,
            started: time_from_ns(self.started_ns),
            stamp: time_from_ns(now_ns),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            discovery: self.link.discovery().to_owned(),
            locators: self.locators.clone(),
            publishers,
            subscribers,
            services: self.endpoints.card_services(),
            certificates: self.trust_watch.certificates().to_string(),
            successions: self.successions.clone(),
            trust_marks: self.revocations.marks(),
        };
        (card, number, now_ns)
    }

    pub(crate) fn next_card_number(&self) -> u64 {
        self.card_number.fetch_add(1, Ordering::AcqRel)
    }
}
