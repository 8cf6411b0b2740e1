//! Publishers and subscribers that do not belong together, by their cards: other types, other QoS.

use nuncio::TypeHash;
use nuncio::qos::compatibility::{Offer, Policy, Request};

use super::cause::{Cause, Confidence, Kind};
use super::facts::{Facts, PublisherSeen, SubscriberSeen};
use crate::qos_words::{offered, policy_in_words, requested};

/// What keeps each pair apart.
pub(super) fn look(facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    for publisher in &facts.publishers {
        for subscriber in &facts.subscribers {
            let cause = match types_agree(publisher, subscriber) {
                false if translates(facts, subscriber) => None,
                false => Some(other_type(facts, publisher, subscriber)),
                true => other_qos(facts, publisher, subscriber),
            };
            causes.extend(cause.map(|cause| cause.from(&publisher.node).to(&subscriber.node)));
        }
    }
    causes
}

pub(super) fn types_agree(publisher: &PublisherSeen, subscriber: &SubscriberSeen) -> bool {
    let (published, wanted) = (&publisher.card, &subscriber.card);
    wanted.type_name.is_empty() || (wanted.type_name == published.type_name && wanted.type_hash == published.type_hash)
}

/// Whether the subscriber gets messages of another version of its type: it translates them.
fn translates(facts: &Facts, subscriber: &SubscriberSeen) -> bool {
    let counted = subscriber.answer.counted(&facts.asked.topic);
    facts.publishers.len() == 1 && counted.is_some_and(|(_, lately)| lately.received > 0 && lately.refused.is_empty())
}

fn other_type(facts: &Facts, publisher: &PublisherSeen, subscriber: &SubscriberSeen) -> Cause {
    let topic = &facts.asked.topic;
    let (talker, listener) = (&publisher.node, &subscriber.node);
    let (published, wanted) = (&publisher.card, &subscriber.card);
    let known = facts
        .differences
        .iter()
        .find(|difference| (&difference.publisher, &difference.subscriber) == (talker, listener));
    let (sentence, remedy) = if published.type_name != wanted.type_name {
        (
            format!(
                "the types differ: {talker} publishes {topic} as {}, and {listener} subscribes to it as {}",
                published.type_name, wanted.type_name
            ),
            format!(
                "give one of the two another topic, or both the same type; `nuncio topic info -v {topic}` shows who has which"
            ),
        )
    } else {
        let found = match known {
            Some(difference) => difference.text.clone(),
            None => format!(
                "the type hashes are {:.20}… and {:.20}…",
                TypeHash::from_bytes(published.type_hash).to_string(),
                TypeHash::from_bytes(wanted.type_hash).to_string(),
            ),
        };
        (
            format!(
                "the types differ: {talker} and {listener} were built with different definitions of {}: {found}",
                published.type_name
            ),
            format!(
                "build both with the same definition; `nuncio interface show {}` shows the one of this program",
                published.type_name
            ),
        )
    };
    Cause {
        field: known.and_then(|difference| difference.field.clone()),
        ..Cause::new(Kind::TypeDiffers, Confidence::Certain, sentence, remedy)
    }
}

fn other_qos(facts: &Facts, publisher: &PublisherSeen, subscriber: &SubscriberSeen) -> Option<Cause> {
    let (topic, talker, listener) = (&facts.asked.topic, &publisher.node, &subscriber.node);
    let policy = Offer::in_card(&publisher.card).misses(&Request::in_card(&subscriber.card))?;
    let (offers, requests) = (
        policy_in_words(policy, &offered(&publisher.card)),
        policy_in_words(policy, &requested(&subscriber.card)),
    );
    let sentence = format!(
        "the QoS is incompatible ({policy}): {talker} offers {offers}, and {listener} requests {requests}, so that nothing is \
         delivered to it"
    );
    let show = |flags: &str| format!("`nuncio topic echo {topic} {flags}` shows that it flows then");
    let remedy = match policy {
        Policy::Reliability => format!(
            "let {listener} request best_effort, or {talker} offer reliable; {}",
            show("--qos-reliability best_effort")
        ),
        Policy::Durability => format!(
            "let {listener} request volatile, or {talker} offer transient_local; {}",
            show("--qos-durability volatile")
        ),
        Policy::Deadline => format!(
            "let {talker} offer a deadline that is as short as that of {listener}, or {listener} request none; \
             `nuncio topic info -v {topic}` shows both"
        ),
        _ => format!(
            "let {talker} offer the liveliness and lease that {listener} requests, or {listener} request less; \
             `nuncio topic info -v {topic}` shows both"
        ),
    };
    Some(Cause {
        policy: Some(policy),
        ..Cause::new(Kind::QosIncompatible, Confidence::Certain, sentence, remedy)
    })
}
