//! Which messages of a topic a client wants: by signer, by what stands in them, and not too many.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use nuncio::{Node, PublicKey};
use tonic::Status;

use super::wire;
use crate::filter::{Filter, Known};
use crate::out_message::OutMessage;

/// What a client has asked for.
#[derive(Debug)]
pub(super) struct Selection {
    signers: Vec<String>,
    filter: Option<Filter>,
    min_interval: Duration,
    nicknames: BTreeMap<PublicKey, Vec<String>>,
    /// When a topic's next message may come.
    next_at: HashMap<String, Instant>,
}

impl Selection {
    /// Reads what a request asks for.
    pub(super) fn read(request: &wire::SubscribeRequest, min_interval: Duration, node: &Node) -> Result<Self, Status> {
        let filter = match request.filter.trim() {
            "" => None,
            text => Some(Filter::parse(text).map_err(|error| Status::invalid_argument(error.to_string()))?),
        };
        let mut nicknames: BTreeMap<PublicKey, Vec<String>> = BTreeMap::new();
        let policy = node.trust_policy();
        let granted = policy.grants().map(|grant| (&grant.nickname, grant.key));
        for (nickname, key) in policy.anchors().chain(granted) {
            nicknames.entry(key).or_default().push(nickname.to_string());
        }
        let is_known =
            |name: &String| name.starts_with("did:key:") || nicknames.values().flatten().any(|known| known == name);
        if let Some(unknown) = request.signers.iter().find(|name| !is_known(name)) {
            return Err(Status::invalid_argument(format!(
                "nobody is known as {unknown:?} here; name a key, as did:key:..., or somebody of trust.toml"
            )));
        }
        Ok(Self {
            signers: request.signers.clone(),
            filter,
            min_interval,
            nicknames,
            next_at: HashMap::new(),
        })
    }

    /// Whether it asks for all messages, so that the tap itself may leave some out.
    pub(super) fn is_everything(&self) -> bool {
        self.signers.is_empty() && self.filter.is_none()
    }

    /// Whether a message is wanted.
    ///
    /// # Errors
    ///
    /// A filter that does not fit the message's type.
    pub(super) fn wants(&mut self, topic: &str, message: &OutMessage, now: Instant) -> Result<bool, Status> {
        if self.is_everything() {
            return Ok(true);
        }
        let info = message.info();
        let mut signer = vec![info.signer.to_string()];
        signer.extend(self.nicknames.get(&info.signer).into_iter().flatten().cloned());
        if !self.signers.is_empty() && !self.signers.iter().any(|wanted| signer.contains(wanted)) {
            return Ok(false);
        }
        if let Some(filter) = &self.filter {
            let known = Known {
                signer,
                node: info.node.as_str().to_owned(),
                name: topic.to_owned(),
                number: info.number,
                stamp_ns: info.source_time_ns,
                received_ns: info.received_time_ns,
            };
            let codec = message.ty().codec();
            let typed = filter.for_type(codec);
            let typed = typed.map_err(|error| Status::invalid_argument(format!("{topic}: {error}")))?;
            let json = codec.to_json(message.payload());
            let json = json.map_err(|error| Status::internal(format!("{topic}: {error}")))?;
            if !typed.matches(&json, &known) {
                return Ok(false);
            }
        }
        Ok(self.is_time(topic, now))
    }

    fn is_time(&mut self, topic: &str, now: Instant) -> bool {
        if self.min_interval.is_zero() {
            return true;
        }
        if self.next_at.get(topic).is_some_and(|next| now < *next) {
            return false;
        }
        self.next_at.insert(topic.to_owned(), now + self.min_interval);
        true
    }
}
