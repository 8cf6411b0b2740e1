//! From facts to causes, the one that counts first. Pure.

use super::cause::{Cause, Confidence, Kind};
use super::facts::Facts;
use super::{absence, pairing, refusing, traffic};
use crate::render::count;

/// The most causes that are told: behind these a person looks no further.
const CAUSES_MAX: usize = 24;

/// Why nothing arrives, the cause that counts first; that messages flow, if they do. Never empty.
pub(crate) fn diagnose(facts: &Facts) -> Vec<Cause> {
    let mut causes = absence::look(facts);
    causes.extend(pairing::look(facts));
    let refused = refusing::look(facts, &causes);
    causes.extend(refused);
    let moving = traffic::look(facts, &causes);
    causes.extend(moving);
    if causes.is_empty() {
        causes.push(unexplained(facts));
    }
    causes.sort_by_key(Cause::rank);
    causes.truncate(CAUSES_MAX);
    causes
}

/// That nothing was found, and what was looked at.
fn unexplained(facts: &Facts) -> Cause {
    let sentence = format!(
        "nothing that was looked at keeps messages on {} from arriving, and none were seen to: {} and {}, with their types, QoS, \
         keys, clocks and queues",
        facts.asked.topic,
        count(facts.publishers.len(), "publisher"),
        count(facts.subscribers.len(), "subscriber"),
    );
    let remedy =
        "look at the machine and all nodes with `nuncio doctor`, or ask again for longer with --timeout".to_owned();
    Cause::new(Kind::Unexplained, Confidence::Possible, sentence, remedy)
}

/// Whether a cause of this kind is known of this publisher already.
pub(super) fn is_told(causes: &[Cause], kinds: &[Kind], publisher: &nuncio::NodeName) -> bool {
    let mut told = causes.iter();
    told.any(|cause| kinds.contains(&cause.kind) && cause.publisher.as_ref() == Some(publisher))
}
