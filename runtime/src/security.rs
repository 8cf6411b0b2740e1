//! Who says what: keys, frames, and the checks that stand between the network and everybody else.
//!
//! # Threat model
//!
//! The network is the adversary's: anybody on it, routers included, may read, alter, drop, delay, repeat, reorder,
//! redirect and invent whatever passes. Nothing from the transport is evidence, not even a node's presence.
//!
//! **Promised.** A message that reaches a callback was published by the holder of the key it names, on this topic, in
//! this domain, with this type; it is delivered once per subscription; it is called live only if it was signed after
//! this node met the publisher and after the subscription was made, or within the second before. Strangers cannot make a
//! node's memory grow beyond fixed bounds. No flag, feature or setting turns verification off.
//!
//! A request that reaches a handler was signed by the holder of the key it names, for this server since its last start, and
//! is handed out once. A response was signed by the server that was asked, for this request.
//!
//! - In mode `tofu`: if the key is not the one pinned to the node's name (and to the topic, for `@exclusive` types), nor one
//!   that the pinned key has named as its successor, it is refused.
//! - In mode `enforce`: it is refused unless a grant in trust.toml or a certificate of an anchor gives the key, here and now,
//!   a role that permits it. Pins and successions count for nothing. Without a trust.toml that can be read, is nobody
//!   else's to write, and is for this domain, the node does not start; while it runs, a file that cannot be used changes
//!   nothing.
//! - In every mode: a revoked key is refused from its instant on, whoever has vouched for it. The lists of anchors spread
//!   from node to node and are on the disk; no older list takes the place of a newer one, and no clock that is set back
//!   undoes one. What `topics` in trust.toml says of size, age, rate and roles binds everybody.
//!
//! What a [`guest`](crate::guest) publishes through another node, such as a browser through the bridge, is the guest's own by
//! all of this: that node can hold it back, and cannot make, alter or move it.
//!
//! **Not promised.** That nobody else reads: signing does not hide; use TLS and access control on routers. That every
//! message arrives: whoever controls the network can drop all of them, and losses are only counted. That the first key
//! seen under a name is the right one: trust on first use trusts on first use. That a key was not stolen: two programs
//! with one key are noticed only when they contradict each other; then both frames are kept as a proof that anybody can
//! check ([`equivocation`]). How often and how much is sent is visible to all.
//!
//! That a message is young: who controls the network can hold it back. `stamp_age_max` and `max_age` in trust.toml bound
//! that, as well as clocks allow. The publisher's clock is compared with ours at first contact, to within half of a round
//! trip of at most 100 ms; a publisher that lies about its clock lies about the age of its own messages only. That this
//! machine's clock is right: who can set it decides when certificates begin and end. That a revocation is known: it is, as
//! soon as any node that holds it can be reached, and who cuts a node off from all of them keeps it in the past. That an
//! anchor is good: it can give every role that trust.toml names, and revoke every key.
//!
//! # Files
//!
//! - [`key`]: Ed25519 keys, their text form `did:key:z6Mk…`, signing and strict verification.
//! - [`keystore`]: the node's own key, the epochs it has used and the keys it has pinned, on disk. These are Unix
//!   files: owners and mode bits are part of what is checked.
//! - [`frame`] (with `frame_reader` and `frame_writer`), [`merkle`], [`context`], [`signer`]: the wire format, and what is
//!   signed.
//! - [`peers`], [`peer`] (with `card_entry`, `credentials` and `floor`): who stands behind a key, by signed cards.
//! - [`replay_window`]: which numbers are still acceptable.
//! - [`trust_policy`], [`believer`]: how strictly a node believes; the pins.
//! - [`topic_pattern`], [`role`], [`topic_limits`]: what a key may do, and what messages must keep to.
//! - [`certificate`] (with `certificate_text`), [`certificate_chain`]: roles given from key to key, in signed text.
//! - [`decision`] (with `survey`): may this key do this, here and now, and why.
//! - [`trust_file`] (with `trust_reading` and `trust_edit`): trust.toml, read strictly and changed without loss of comments.
//! - [`trust_source`], `trust_store`: where a node's policy comes from, and the policy as it is now.
//! - [`revocation`], [`succession`]: keys that count no more, and keys that follow others.
//! - `time_checks`, `rate_limit`: how old, and how often.
//! - [`equivocation`]: the proof that a key was copied.
//! - [`trust_storage`]: changes of trust.toml in the keystore, and key files beside the own key.
//! - [`verifier`]: all of it in order. [`verified::Verified`] is the proof.
//! - [`router_rules`] (with [`pattern_overlap`]), [`x509`]: the same trust in the terms of Zenoh routers.
//! - `answer`: the same for the response to a request.
//! - `testimony`: the same for frames that somebody shows later, to trace what led to what.
//! - [`shown_frame`]: the same for frames that were kept, without a node: what recordings are verified with.
//! - [`refusal`]: the numbered reasons.

pub(crate) mod answer;
pub mod believer;
mod card_entry;
pub mod certificate;
pub mod certificate_chain;
pub mod context;
mod credentials;
pub mod decision;
pub(crate) mod document;
pub mod equivocation;
pub mod frame;
mod frame_reader;
mod frame_writer;
pub mod key;
mod key_table;
pub mod keystore;
pub mod merkle;
pub(crate) mod passage;
pub mod pattern_overlap;
pub mod peer;
pub(crate) mod peer_key;
pub mod peers;
pub mod proving_ground;
pub mod refusal;
pub mod replay_window;
pub mod revocation;
pub mod role;
pub mod router_rules;
pub mod shown_frame;
pub(crate) mod signature_check;
pub mod signer;
pub mod succession;
pub(crate) mod testimony;
pub mod time_text;
pub mod topic_limits;
pub mod topic_pattern;
pub mod trust_file;
pub mod trust_policy;
pub mod verified;
pub mod verifier;
pub mod x509;

mod certificate_text;
mod epoch;
mod floor;
mod known_toml;
pub(crate) mod missing;
mod pins;
mod public_key;
mod rate_limit;
mod road;
mod survey;
mod time_checks;
mod trust_edit;
mod trust_reading;
pub mod trust_source;
pub mod trust_storage;
pub(crate) mod trust_store;

#[cfg(test)]
pub(crate) mod tests;
