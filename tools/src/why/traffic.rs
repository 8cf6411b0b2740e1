//! Publishers and subscribers that fit, and what becomes of the messages: none published, none taken, lost, or they flow.

use nuncio::msgs::nuncio_msgs::msg::CardPublisher;

use super::cause::{Cause, Confidence, Kind};
use super::diagnosis::is_told;
use super::facts::{Facts, PublisherSeen, SubscriberSeen};
use super::refusing::seconds;
use crate::render::{count, span};

/// By how much clocks may stand apart before that is told.
const CLOCK_TOLERANCE_NS: i64 = 1_000_000_000;

/// What keeps a publisher's messages from being heard, so that there is no other reason to be told for its silence.
const KEEPS_AWAY: [Kind; 14] = [
    Kind::KeyRevoked,
    Kind::CertificateExpired,
    Kind::CertificateNotYetValid,
    Kind::CertificateInvalid,
    Kind::ApprovalMissing,
    Kind::RateExceeded,
    Kind::RoleMissing,
    Kind::PinMismatch,
    Kind::ClockOff,
    Kind::Replay,
    Kind::TooLarge,
    Kind::ValueRefused,
    Kind::CardMissing,
    Kind::Refused,
];

/// What was seen of the traffic. `told` is what is known already.
pub(super) fn look(facts: &Facts, told: &[Cause]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = facts
        .publishers
        .iter()
        .flat_map(|publisher| of_publisher(facts, publisher, told))
        .collect();
    let of_subscribers = facts
        .subscribers
        .iter()
        .flat_map(|subscriber| of_subscriber(facts, subscriber));
    causes.extend(of_subscribers);
    causes.extend(flow(facts));
    causes
}

fn of_publisher(facts: &Facts, publisher: &PublisherSeen, told: &[Cause]) -> Vec<Cause> {
    let (topic, node) = (&facts.asked.topic, &publisher.node);
    let mut causes = Vec::new();
    let mut add = |kind, confidence, sentence, remedy| {
        causes.push(Cause::new(kind, confidence, sentence, remedy).from(node));
    };
    for (code, what) in [
        ("publish_failed", "the link did not take messages of"),
        ("publish_timed_out", "there was no room in time for messages of"),
        (
            "publish_dropped",
            "the link is congested, and there was no room for messages of",
        ),
        ("publish_blocked", "the link is congested, and holds up"),
    ] {
        if let Some(finding) = publisher.answer.finding(code, topic) {
            let sentence = format!("congestion: {what} {node} ({})", finding.found);
            let remedy = format!(
                "publish less, or look for the slow link or subscriber; `nuncio node facts {node}` shows its queues and counters"
            );
            add(Kind::Congestion, Confidence::Certain, sentence, remedy);
            break;
        }
    }
    if let Some(offset) = publisher
        .clock_offset_ns
        .filter(|offset| offset.saturating_abs() > CLOCK_TOLERANCE_NS)
    {
        let way = if offset > 0 { "ahead of" } else { "behind" };
        let sentence = format!(
            "the clock of {node} is {} {way} this one, so that its messages may be refused as too old or from the future",
            span(offset.saturating_abs())
        );
        let remedy =
            "set the clocks of both machines by the same source, such as chrony or NTP; `nuncio doctor` measures again";
        add(Kind::ClockOff, Confidence::Possible, sentence, remedy.to_owned());
    }
    let is_silent = publisher.heard == 0 && !is_heard_there(facts) && !is_told(told, &KEEPS_AWAY, node);
    if is_silent && let Some((kind, confidence, sentence, remedy)) = silence(facts, publisher) {
        add(kind, confidence, sentence, remedy);
    }
    causes
}

/// Whether the receiver that was named gets messages.
fn is_heard_there(facts: &Facts) -> bool {
    let is_reached = |subscriber: &SubscriberSeen| {
        let counted = subscriber.answer.counted(&facts.asked.topic);
        counted.is_some_and(|(_, lately)| lately.received > 0)
    };
    facts.asked.to.is_some() && facts.subscribers.iter().any(is_reached)
}

/// Why a publisher that may be heard was not.
fn silence(facts: &Facts, publisher: &PublisherSeen) -> Option<(Kind, Confidence, String, String)> {
    let (topic, node) = (&facts.asked.topic, &publisher.node);
    let listened = seconds(facts.listened);
    if let Some(problem) = &publisher.answer.problem {
        let sentence = format!("{node} announces {topic}, but does not answer: {problem}");
        let remedy = format!(
            "see whether its program hangs or was stopped, and start it again; `nuncio node health {node}` asks again"
        );
        return Some((Kind::PublisherHangs, Confidence::Certain, sentence, remedy));
    }
    let by_card = publisher
        .card
        .next_number
        .saturating_sub(CardPublisher::default().next_number);
    let (total, lately) = publisher.answer.sent(topic).unwrap_or((by_card, 0));
    Some(match (total, lately) {
        (0, _) => (
            Kind::NeverPublished,
            Confidence::Certain,
            format!("{node} has a publisher on {topic}, but has published nothing since it started"),
            format!(
                "see what it waits for: `nuncio log --node {node}`; a managed node is silent until it is active \
                 (`nuncio lifecycle get {node}`)"
            ),
        ),
        (total, 0) => (
            Kind::Quiet,
            Confidence::Likely,
            format!(
                "{node} has published {} on {topic} since it started, but none in the {listened} that this program listened",
                count(usize::try_from(total).unwrap_or(usize::MAX), "message")
            ),
            format!(
                "wait longer with `nuncio topic echo {topic}`, or see what it waits for with `nuncio log --node {node}`"
            ),
        ),
        // The own keystore refuses it: whether it comes here says nothing.
        _ if publisher.refusal.is_some() => return None,
        (_, lately) => (
            Kind::MessagesLost,
            Confidence::Likely,
            format!(
                "{node} has published {lately} on {topic} in {listened}, and none came to this program: they are lost on the way"
            ),
            "look for a router that does not let them through, or a slow link; `nuncio doctor` shows the links"
                .to_owned(),
        ),
    })
}

fn of_subscriber(facts: &Facts, subscriber: &SubscriberSeen) -> Vec<Cause> {
    let (topic, node) = (&facts.asked.topic, &subscriber.node);
    let mut causes = Vec::new();
    let mut add = |kind, confidence, sentence, remedy| {
        causes.push(Cause::new(kind, confidence, sentence, remedy).to(node));
    };
    if let Some(problem) = &subscriber.answer.problem {
        let sentence = format!("{node} subscribes to {topic}, but does not answer: {problem}");
        let remedy = format!(
            "see whether its program hangs or was stopped, and start it again; `nuncio node health {node}` asks again"
        );
        add(Kind::SubscriberHangs, Confidence::Likely, sentence, remedy);
    }
    if let Some(finding) = subscriber.answer.finding("queue_overflow", topic) {
        let sentence = format!(
            "the queue of {node} is full, because it takes messages more slowly than they come ({})",
            finding.found
        );
        let remedy = format!(
            "let it take messages faster, or give its subscription a greater depth (`QosProfile::keep_last`, `--qos-depth`); \
             `nuncio node facts {node}` shows its queues"
        );
        add(Kind::QueueFull, Confidence::Certain, sentence, remedy);
    }
    for (code, what) in [
        ("messages_lost", "messages are lost on the way to"),
        (
            "expired",
            "messages are older than their lifespan before they are taken by",
        ),
    ] {
        if let Some(finding) = subscriber.answer.finding(code, topic) {
            let sentence = format!("{what} {node} ({})", finding.found);
            let remedy = format!(
                "let both sides be reliable (`--qos-reliability reliable`), publish less, or look for the slow link: \
                 `nuncio node health {node}`"
            );
            add(Kind::MessagesLost, Confidence::Certain, sentence, remedy);
        }
    }
    causes
}

/// That messages arrive where it was asked about, if they do.
fn flow(facts: &Facts) -> Option<Cause> {
    let topic = &facts.asked.topic;
    let listened = seconds(facts.listened);
    let messages = |count_of: u64| count(usize::try_from(count_of).unwrap_or(usize::MAX), "message");
    let nothing = || "nothing is to be done".to_owned();
    if facts.asked.to.is_some() {
        let received = facts.subscribers.iter().filter_map(|subscriber| {
            let (_, lately) = subscriber.answer.counted(topic)?;
            (lately.received > 0).then_some((&subscriber.node, lately.received))
        });
        let (node, received) = received.max_by_key(|(_, received)| *received)?;
        let sentence = format!(
            "messages flow: {node} has taken in {} on {topic} in {listened}",
            messages(received)
        );
        return Some(Cause::new(Kind::Flows, Confidence::Certain, sentence, nothing()).to(node));
    }
    let heard: Vec<&PublisherSeen> = facts
        .publishers
        .iter()
        .filter(|publisher| publisher.heard > 0)
        .collect();
    let (first, others) = heard.split_first()?;
    let also = match others.len() {
        0 => String::new(),
        more => format!(" and {}", count(more, "other publisher")),
    };
    let total: u64 = heard.iter().map(|publisher| publisher.heard).sum();
    let sentence = format!(
        "messages flow: {} of {}{also} came on {topic} in {listened}, verified",
        messages(total),
        first.node
    );
    Some(Cause::new(Kind::Flows, Confidence::Certain, sentence, nothing()).from(&first.node))
}
