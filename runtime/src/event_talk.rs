//! What is said of events to `tracing`: whoever has no reader for them still finds them in the log.

use crate::event::{PublisherEvent, SubscriberEvent};
use crate::node_clock::{ClockEvent, ClockSource};
use crate::rosout::say;
use crate::sign_of_life::ticks;
use crate::talk_limit::TalkLimit;

/// Speaks of the events of one endpoint, of each kind at most once a second.
#[derive(Debug, Default)]
pub(crate) struct EventTalk {
    topic: String,
    limit: TalkLimit<&'static str>,
}

/// An event that can be spoken of.
pub(crate) trait Spoken {
    fn say(&self, talk: &EventTalk);
}

impl EventTalk {
    pub(crate) fn about(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            limit: TalkLimit::default(),
        }
    }

    fn turn(&self, kind: &'static str) -> Option<u64> {
        self.limit.turn(kind, ticks())
    }
}

impl Spoken for SubscriberEvent {
    fn say(&self, talk: &EventTalk) {
        let topic = talk.topic.as_str();
        match self {
            Self::IncompatibleQos { publisher, policy } => {
                if let Some(held_back) = talk.turn("qos") {
                    let found = format!("{publisher} offers less {policy} on {topic} than is requested");
                    say!(WARN, topic, held_back, "{found}; nothing of it is delivered");
                }
            }
            Self::DeadlineMissed { publisher, total } => {
                if let Some(held_back) = talk.turn("deadline") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "{publisher} is late on {topic}; deadlines missed: {total}"
                    );
                }
            }
            Self::LivelinessLost { publisher } => {
                if let Some(held_back) = talk.turn("liveliness") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "the publisher of {publisher} on {topic} is not alive any more"
                    );
                }
            }
            Self::Expired { publisher, count } => {
                if let Some(held_back) = talk.turn("expired") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "{count} messages of {publisher} on {topic} were too old to be taken"
                    );
                }
            }
            Self::MessagesLost {
                publisher, first, last, ..
            } => {
                if let Some(held_back) = talk.turn("lost") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "lost on {topic}: messages {first} to {last} of {publisher}"
                    );
                }
            }
            // What is in order; and refusals, which are said where they are counted.
            Self::Matched { .. } | Self::LivelinessGained { .. } | Self::Refused(_) => {}
        }
    }
}

impl Spoken for PublisherEvent {
    fn say(&self, talk: &EventTalk) {
        let topic = talk.topic.as_str();
        match self {
            Self::IncompatibleQos { subscriber, policy } => {
                if let Some(held_back) = talk.turn("qos") {
                    let found = format!("{subscriber} requests more {policy} on {topic} than is offered");
                    say!(WARN, topic, held_back, "{found}; it gets nothing");
                }
            }
            Self::DeadlineMissed { total } => {
                if let Some(held_back) = talk.turn("deadline") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "nothing was published on {topic} in time; deadlines missed: {total}"
                    );
                }
            }
            Self::LivelinessLost { total } => {
                if let Some(held_back) = talk.turn("liveliness") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "nobody has shown that the publisher on {topic} is alive, {total} times now"
                    );
                }
            }
            Self::Matched { .. } => {}
        }
    }
}

impl Spoken for ClockEvent {
    fn say(&self, talk: &EventTalk) {
        let topic = talk.topic.as_str();
        match self {
            Self::JumpedBack { from_ns, to_ns } => {
                if let Some(held_back) = talk.turn("jump") {
                    say!(
                        WARN,
                        topic,
                        held_back,
                        "simulated time was set back from {from_ns} ns to {to_ns} ns"
                    );
                }
            }
            Self::SourceChanged(source) => {
                let source = match source {
                    ClockSource::System => "this machine",
                    ClockSource::Simulation => "a simulation",
                };
                if let Some(held_back) = talk.turn("source") {
                    say!(
                        INFO,
                        topic,
                        held_back,
                        "the time of this node is that of {source} from now on"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
impl Spoken for u32 {
    fn say(&self, _: &EventTalk) {}
}
