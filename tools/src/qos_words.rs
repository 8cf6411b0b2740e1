//! QoS profiles as cards have them, in the words and members that people and programs know from ROS 2.

use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};
use nuncio::qos::compatibility::{Offer, Policy, Request};
use nuncio::{History, Liveliness};

use crate::answers::topic::Qos;

/// The policies that a publisher offers.
pub(crate) fn offered(facts: &CardPublisher) -> Qos {
    let offer = Offer::in_card(facts);
    Qos {
        reliability: offer.reliability.as_str(),
        durability: offer.durability.as_str(),
        history: Some(history(facts.history == CardPublisher::HISTORY_KEEP_ALL).as_str()),
        depth: facts.depth,
        deadline: seconds(offer.deadline),
        lifespan: Some(seconds(offer.lifespan)),
        liveliness: offer.liveliness.as_str(),
        lease: seconds(offer.lease),
    }
}

/// The policies that a subscriber requests.
pub(crate) fn requested(facts: &CardSubscriber) -> Qos {
    let request = Request::in_card(facts);
    Qos {
        reliability: request.reliability.as_str(),
        durability: request.durability.as_str(),
        history: None,
        depth: facts.depth,
        deadline: seconds(request.deadline),
        lifespan: None,
        liveliness: request.liveliness.as_str(),
        lease: seconds(request.lease),
    }
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

const fn history(keeps_all: bool) -> History {
    if keeps_all { History::KeepAll } else { History::KeepLast }
}

/// What a profile says of one policy.
pub(crate) fn policy_in_words(policy: Policy, profile: &Qos) -> String {
    let limit = |name: &str, seconds: Option<f64>| match seconds {
        Some(seconds) => format!("a {name} of {seconds} s"),
        None => format!("no {name}"),
    };
    match policy {
        Policy::Reliability => profile.reliability.to_owned(),
        Policy::Durability => profile.durability.to_owned(),
        Policy::Deadline => limit("deadline", profile.deadline),
        _ => format!("{} with {}", profile.liveliness, limit("lease", profile.lease)),
    }
}

/// A profile in a line: what differs from having no limit, as `topic info -v` of ROS 2 names it.
pub(crate) fn in_words(profile: &Qos) -> String {
    let limit = |name: &str, seconds: Option<f64>| seconds.map(|seconds| format!("{name} {seconds} s"));
    let depth = match profile.history == Some(History::KeepAll.as_str()) {
        true => "keep all".to_owned(),
        false => format!("keep last {}", profile.depth),
    };
    let liveliness = Some(profile.liveliness).filter(|word| *word != Liveliness::Automatic.as_str());
    let words = [profile.reliability.to_owned(), profile.durability.to_owned(), depth];
    let limits = [
        limit("deadline", profile.deadline),
        limit("lifespan", profile.lifespan.flatten()),
        liveliness.map(ToOwned::to_owned),
        limit("lease", profile.lease),
    ];
    words
        .into_iter()
        .chain(limits.into_iter().flatten())
        .collect::<Vec<_>>()
        .join(", ")
}
