//! Who signed what one client was shown, and what was refused, as `diagnostic_msgs/msg/DiagnosticArray`: the viewer's Diagnostics
//! panels show it as it is.
//!
//! The ledger counts what passed to this client and no other, so it can tell nothing that the client's role does not show.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio::msgs::diagnostic_msgs::msg::DiagnosticStatus;
use nuncio::{MessageInfo, NodeName, Provenance, PublicKey, Verdict};
use serde_json::{Value, json};

/// How many signers of one topic are told apart. Further ones are counted together.
const SIGNERS_MAX: usize = 64;
/// How many refusals are told apart.
const REFUSALS_MAX: usize = 256;

/// What is known of the signers of all topics that the client is or was subscribed to.
#[derive(Debug, Default)]
pub(super) struct SignerLedger {
    topics: Mutex<BTreeMap<String, Arc<TopicSigners>>>,
    refusals: Mutex<BTreeMap<(String, &'static str), Refused>>,
}

#[derive(Debug)]
struct Refused {
    times: u64,
    text: String,
}

/// What is known of the signers of one topic.
#[derive(Debug, Default)]
pub(super) struct TopicSigners {
    seen: Mutex<BTreeMap<PublicKey, Seen>>,
    others: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Seen {
    signer: PublicKey,
    node: NodeName,
    verdict: Verdict,
    provenance: Provenance,
    origin: Option<String>,
    number: u64,
    messages: u64,
    lost: u64,
}

impl SignerLedger {
    pub(super) fn topic(&self, topic: &str) -> Arc<TopicSigners> {
        let mut topics = lock(&self.topics);
        Arc::clone(topics.entry(topic.to_owned()).or_default())
    }

    pub(super) fn refused(&self, topic: &str, reason: &'static str, text: &str) {
        let mut refusals = lock(&self.refusals);
        let key = (topic.to_owned(), reason);
        if refusals.len() >= REFUSALS_MAX && !refusals.contains_key(&key) {
            return;
        }
        let refused = refusals.entry(key).or_insert_with(|| Refused {
            times: 0,
            text: String::new(),
        });
        refused.times += 1;
        text.clone_into(&mut refused.text);
    }

    /// A `DiagnosticArray` as JSON.
    pub(super) fn diagnostics(&self, now_ns: i64) -> Value {
        let topics = lock(&self.topics);
        let signers = topics.iter().flat_map(|(topic, signers)| signers.statuses(topic));
        let refusals = lock(&self.refusals);
        let refused = refusals.iter().map(|((topic, reason), refused)| {
            let values = [("reason", (*reason).to_owned()), ("times", refused.times.to_string())];
            status(
                DiagnosticStatus::ERROR,
                &format!("{topic}: refused, {reason}"),
                &refused.text,
                "",
                &values,
            )
        });
        let status: Vec<_> = refused.chain(signers).collect();
        let stamp = json!({"sec": now_ns.div_euclid(1_000_000_000), "nanosec": now_ns.rem_euclid(1_000_000_000)});
        json!({"header": {"stamp": stamp, "frame_id": ""}, "status": status})
    }
}

impl TopicSigners {
    pub(super) fn saw(&self, info: &MessageInfo) {
        let mut seen = lock(&self.seen);
        let is_full = seen.len() >= SIGNERS_MAX;
        match seen.entry(info.signer) {
            Entry::Occupied(known) => known.into_mut().again(info),
            Entry::Vacant(_) if is_full => {
                self.others.fetch_add(1, Ordering::Relaxed);
            }
            Entry::Vacant(new) => {
                new.insert(Seen::first(info));
            }
        }
    }

    pub(super) fn dropped(&self, dropped: u64) {
        self.dropped.store(dropped, Ordering::Relaxed);
    }

    fn statuses(&self, topic: &str) -> Vec<Value> {
        let seen = lock(&self.seen);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let mut statuses: Vec<_> = seen.values().map(|seen| seen.status(topic, dropped)).collect();
        let others = self.others.load(Ordering::Relaxed);
        if others > 0 {
            let name = format!("{topic}: further signers");
            let text = format!("more than {SIGNERS_MAX} keys sign on this topic");
            statuses.push(status(
                DiagnosticStatus::WARN,
                &name,
                &text,
                "",
                &[("messages", others.to_string())],
            ));
        }
        statuses
    }
}

impl Seen {
    fn first(info: &MessageInfo) -> Self {
        Self {
            signer: info.signer,
            node: info.node.clone(),
            verdict: info.verdict,
            provenance: info.provenance,
            origin: info.origin.clone(),
            number: info.number,
            messages: 1,
            lost: info.missing_before,
        }
    }

    /// Takes what is new; most messages change numbers only.
    fn again(&mut self, info: &MessageInfo) {
        self.messages += 1;
        self.lost += info.missing_before;
        self.number = info.number;
        self.verdict = info.verdict;
        self.provenance = info.provenance;
        if self.origin != info.origin {
            self.origin.clone_from(&info.origin);
        }
        if self.node != info.node {
            self.node = info.node.clone();
        }
    }

    fn status(&self, topic: &str, dropped: u64) -> Value {
        let is_past = self.provenance == Provenance::Replay;
        let level = match self.verdict {
            Verdict::Pinned | Verdict::Permitted if !is_past => DiagnosticStatus::OK,
            Verdict::Pinned | Verdict::Permitted | Verdict::Unpinned => DiagnosticStatus::WARN,
            _ => DiagnosticStatus::ERROR,
        };
        let behalf = match &self.origin {
            Some(origin) => format!(", on behalf of {origin}"),
            None => String::new(),
        };
        let provenance = self.provenance.as_str();
        let text = format!(
            "signed by {}{behalf}; {}, {provenance}",
            self.node,
            verdict_words(self.verdict)
        );
        let values = [
            ("signer", self.signer.to_string()),
            ("node", self.node.to_string()),
            ("verdict", self.verdict.as_str().to_owned()),
            ("provenance", provenance.to_owned()),
            ("on behalf of", self.origin.clone().unwrap_or_default()),
            ("messages", self.messages.to_string()),
            ("lost before they reached the bridge", self.lost.to_string()),
            ("dropped because this viewer was slow", dropped.to_string()),
            ("last number", self.number.to_string()),
        ];
        status(
            level,
            &format!("{topic}: {}", self.node),
            &text,
            &self.signer.to_string(),
            &values,
        )
    }
}

fn status(level: u8, name: &str, message: &str, hardware_id: &str, values: &[(&str, String)]) -> Value {
    let values: Vec<_> = values
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    json!({"level": level, "name": name, "message": message, "hardware_id": hardware_id, "values": values})
}

const fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pinned => "the key known for this node",
        Verdict::Permitted => "permitted by its role",
        Verdict::Unpinned => "a key that nothing is known of",
        Verdict::PinMismatch => "NOT the key known for this node",
        Verdict::NotPermitted => "permitted by NO role",
        _ => "of unknown standing",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
