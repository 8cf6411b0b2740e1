//! QoS profiles as cards have them, in the words and members that people and programs know from ROS 2.

use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};
use nuncio::qos::compatibility::{Offer, Policy, Request};
use nuncio::{History, Liveliness};
use serde_json::{Value, json};

/// The policies that a publisher offers. Times are in seconds, and `null` where there is no limit.
pub(crate) fn offered(facts: &CardPublisher) -> Value {
    let offer = Offer::in_card(facts);
    json!({
        "reliability": offer.reliability.as_str(),
        "durability": offer.durability.as_str(),
        "history": history(facts.history == CardPublisher::HISTORY_KEEP_ALL).as_str(),
        "depth": facts.depth,
        "deadline": offer.deadline.map(|deadline| deadline.as_secs_f64()),
        "lifespan": offer.lifespan.map(|lifespan| lifespan.as_secs_f64()),
        "liveliness": offer.liveliness.as_str(),
        "lease": offer.lease.map(|lease| lease.as_secs_f64()),
    })
}

/// The policies that a subscriber requests.
pub(crate) fn requested(facts: &CardSubscriber) -> Value {
    let request = Request::in_card(facts);
    json!({
        "reliability": request.reliability.as_str(),
        "durability": request.durability.as_str(),
        "depth": facts.depth,
        "deadline": request.deadline.map(|deadline| deadline.as_secs_f64()),
        "liveliness": request.liveliness.as_str(),
        "lease": request.lease.map(|lease| lease.as_secs_f64()),
    })
}

const fn history(keeps_all: bool) -> History {
    if keeps_all { History::KeepAll } else { History::KeepLast }
}

/// What a profile says of one policy.
pub(crate) fn policy_in_words(policy: Policy, profile: &Value) -> String {
    let word = |name: &str| profile.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let seconds = |name: &str| match profile.get(name).and_then(Value::as_f64) {
        Some(seconds) => format!("a {name} of {seconds} s"),
        None => format!("no {name}"),
    };
    match policy {
        Policy::Reliability => word("reliability"),
        Policy::Durability => word("durability"),
        Policy::Deadline => seconds("deadline"),
        _ => format!("{} with {}", word("liveliness"), seconds("lease")),
    }
}

/// A profile in a line: what differs from having no limit, as `topic info -v` of ROS 2 names it.
pub(crate) fn in_words(profile: &Value) -> String {
    let word = |name: &str| profile.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let seconds = |name: &str| {
        let seconds = profile.get(name).and_then(Value::as_f64)?;
        Some(format!("{name} {seconds} s"))
    };
    let depth = match word("history").as_str() {
        "keep_all" => "keep all".to_owned(),
        _ => format!("keep last {}", profile.get("depth").unwrap_or(&Value::Null)),
    };
    let liveliness = Some(word("liveliness")).filter(|word| word != Liveliness::Automatic.as_str());
    let words = [Some(word("reliability")), Some(word("durability")), Some(depth)];
    let limits = [seconds("deadline"), seconds("lifespan"), liveliness, seconds("lease")];
    words.into_iter().chain(limits).flatten().collect::<Vec<_>>().join(", ")
}
