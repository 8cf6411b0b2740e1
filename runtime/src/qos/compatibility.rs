//! What is offered and what is requested: whether a publisher and a subscriber fit together, as ROS 2 has it.
//!
//! | policy | the offer is enough when |
//! |---|---|
//! | reliability | it is reliable, or best effort is enough |
//! | durability | it is transient local, or volatile is enough |
//! | deadline | its period is not longer than the one requested |
//! | liveliness | it is manual, or automatic is enough, and its lease is not longer than the one requested |
//!
//! See <https://docs.ros.org/en/rolling/Concepts/Intermediate/About-Quality-of-Service-Settings.html#qos-compatibilities>.

use std::fmt;
use std::time::Duration;

use nuncio_msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};

use super::{Durability, History, Liveliness, QosProfile, Reliability};

/// A policy that both sides have to agree on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Policy {
    /// Whether messages may be lost.
    Reliability,
    /// Whether late subscribers get the messages before them.
    Durability,
    /// How much time may lie between two messages.
    Deadline,
    /// How a publisher shows that it is alive, and how often.
    Liveliness,
}

impl Policy {
    /// The name of the policy, as ROS 2 tools print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reliability => "RELIABILITY",
            Self::Durability => "DURABILITY",
            Self::Deadline => "DEADLINE",
            Self::Liveliness => "LIVELINESS",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a publisher offers, as its node's card says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offer {
    /// Never [`Reliability::BestAvailable`].
    pub reliability: Reliability,
    /// Never [`Durability::BestAvailable`].
    pub durability: Durability,
    /// How many messages it keeps for late subscribers, where it keeps any.
    pub kept: u32,
    /// The longest time between two messages.
    pub deadline: Option<Duration>,
    /// How old its messages may become.
    pub lifespan: Option<Duration>,
    /// What shows that it is alive.
    pub liveliness: Liveliness,
    /// Within what time it shows it again.
    pub lease: Option<Duration>,
    /// The epoch in which its journal began, when its messages are on the disk until they are acknowledged. Their numbers go
    /// on from start to start.
    pub journal_since: Option<u64>,
}

/// What a subscriber requests, as its node's card says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Request {
    /// The least that is enough.
    pub reliability: Reliability,
    /// The least that is enough.
    pub durability: Durability,
    /// The longest time between two messages.
    pub deadline: Option<Duration>,
    /// The least that is enough.
    pub liveliness: Liveliness,
    /// Within what time a publisher has to show again that it is alive.
    pub lease: Option<Duration>,
}

impl Offer {
    /// The first policy whose offer is not enough.
    ///
    /// ```
    /// use nuncio::QosProfile;
    /// use nuncio::qos::compatibility::{Offer, Policy, Request};
    ///
    /// let (offer, request) = (Offer::of(&QosProfile::sensor_data()), Request::of(&QosProfile::default()));
    /// assert_eq!(offer.misses(&request), Some(Policy::Reliability));
    /// ```
    pub fn misses(&self, request: &Request) -> Option<Policy> {
        let within = |offered: Option<Duration>, requested: Option<Duration>| match (offered, requested) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(offered), Some(requested)) => offered <= requested,
        };
        let enough = [
            (
                Policy::Reliability,
                request.reliability != Reliability::Reliable || self.reliability == Reliability::Reliable,
            ),
            (
                Policy::Durability,
                request.durability != Durability::TransientLocal || self.durability == Durability::TransientLocal,
            ),
            (Policy::Deadline, within(self.deadline, request.deadline)),
            (
                Policy::Liveliness,
                self.liveliness >= request.liveliness && within(self.lease, request.lease),
            ),
        ];
        enough
            .into_iter()
            .find(|(_, is_enough)| !is_enough)
            .map(|(policy, _)| policy)
    }

    /// What a publisher with this profile offers.
    pub fn of(qos: &QosProfile) -> Self {
        Self {
            reliability: match qos.reliability {
                Reliability::BestEffort => Reliability::BestEffort,
                Reliability::Reliable | Reliability::BestAvailable => Reliability::Reliable,
            },
            durability: match qos.keeps_for_late() {
                true => Durability::TransientLocal,
                false => Durability::Volatile,
            },
            kept: u32::try_from(qos.kept().get()).unwrap_or(u32::MAX),
            deadline: qos.deadline,
            lifespan: qos.lifespan,
            liveliness: qos.liveliness,
            lease: qos.lease,
            journal_since: None,
        }
    }

    /// What the card says that this publisher offers.
    pub fn in_card(card: &CardPublisher) -> Self {
        Self {
            reliability: match card.reliability {
                CardPublisher::RELIABILITY_BEST_EFFORT => Reliability::BestEffort,
                _ => Reliability::Reliable,
            },
            durability: match card.durability {
                CardPublisher::DURABILITY_VOLATILE => Durability::Volatile,
                _ => Durability::TransientLocal,
            },
            kept: card.depth,
            deadline: duration(card.deadline_ns),
            lifespan: duration(card.lifespan_ns),
            liveliness: match card.liveliness {
                CardPublisher::LIVELINESS_AUTOMATIC => Liveliness::Automatic,
                _ => Liveliness::ManualByTopic,
            },
            lease: duration(card.lease_ns),
            journal_since: Some(card.journal_since).filter(|since| *since != 0),
        }
    }

    /// Puts it into a card.
    pub(crate) fn enter(&self, card: &mut CardPublisher, history: History) {
        card.reliability = match self.reliability {
            Reliability::BestEffort => CardPublisher::RELIABILITY_BEST_EFFORT,
            Reliability::Reliable | Reliability::BestAvailable => CardPublisher::RELIABILITY_RELIABLE,
        };
        card.durability = match self.durability {
            Durability::Volatile => CardPublisher::DURABILITY_VOLATILE,
            Durability::TransientLocal | Durability::BestAvailable => CardPublisher::DURABILITY_TRANSIENT_LOCAL,
        };
        card.history = match history {
            History::KeepLast => CardPublisher::HISTORY_KEEP_LAST,
            History::KeepAll => CardPublisher::HISTORY_KEEP_ALL,
        };
        card.depth = self.kept;
        card.deadline_ns = nanoseconds(self.deadline);
        card.lifespan_ns = nanoseconds(self.lifespan);
        card.liveliness = match self.liveliness {
            Liveliness::Automatic => CardPublisher::LIVELINESS_AUTOMATIC,
            Liveliness::ManualByTopic => CardPublisher::LIVELINESS_MANUAL_BY_TOPIC,
        };
        card.lease_ns = nanoseconds(self.lease);
    }
}

impl Request {
    /// What a subscriber with this profile requests.
    pub const fn of(qos: &QosProfile) -> Self {
        Self {
            reliability: qos.reliability,
            durability: qos.durability,
            deadline: qos.deadline,
            liveliness: qos.liveliness,
            lease: qos.lease,
        }
    }

    /// What the card says that this subscriber requests.
    pub fn in_card(card: &CardSubscriber) -> Self {
        Self {
            reliability: match card.reliability {
                CardSubscriber::RELIABILITY_BEST_EFFORT => Reliability::BestEffort,
                CardSubscriber::RELIABILITY_BEST_AVAILABLE => Reliability::BestAvailable,
                _ => Reliability::Reliable,
            },
            durability: match card.durability {
                CardSubscriber::DURABILITY_VOLATILE => Durability::Volatile,
                CardSubscriber::DURABILITY_BEST_AVAILABLE => Durability::BestAvailable,
                _ => Durability::TransientLocal,
            },
            deadline: duration(card.deadline_ns),
            liveliness: match card.liveliness {
                CardSubscriber::LIVELINESS_AUTOMATIC => Liveliness::Automatic,
                _ => Liveliness::ManualByTopic,
            },
            lease: duration(card.lease_ns),
        }
    }

    /// Puts it into a card.
    pub(crate) fn enter(&self, card: &mut CardSubscriber) {
        card.reliability = match self.reliability {
            Reliability::BestEffort => CardSubscriber::RELIABILITY_BEST_EFFORT,
            Reliability::Reliable => CardSubscriber::RELIABILITY_RELIABLE,
            Reliability::BestAvailable => CardSubscriber::RELIABILITY_BEST_AVAILABLE,
        };
        card.durability = match self.durability {
            Durability::Volatile => CardSubscriber::DURABILITY_VOLATILE,
            Durability::TransientLocal => CardSubscriber::DURABILITY_TRANSIENT_LOCAL,
            Durability::BestAvailable => CardSubscriber::DURABILITY_BEST_AVAILABLE,
        };
        card.deadline_ns = nanoseconds(self.deadline);
        card.liveliness = match self.liveliness {
            Liveliness::Automatic => CardSubscriber::LIVELINESS_AUTOMATIC,
            Liveliness::ManualByTopic => CardSubscriber::LIVELINESS_MANUAL_BY_TOPIC,
        };
        card.lease_ns = nanoseconds(self.lease);
    }
}

/// Zero stands for none in cards.
fn duration(ns: u64) -> Option<Duration> {
    (ns > 0).then(|| Duration::from_nanos(ns))
}

fn nanoseconds(duration: Option<Duration>) -> u64 {
    duration.map_or(0, |duration| {
        u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_millis(20);

    fn misses(offer: QosProfile, request: QosProfile) -> Option<Policy> {
        let (mut of, mut requested) = (CardPublisher::default(), CardSubscriber::default());
        Offer::of(&offer).enter(&mut of, offer.history);
        Request::of(&request).enter(&mut requested);
        assert_eq!(Offer::in_card(&of), Offer::of(&offer));
        assert_eq!(Request::in_card(&requested), Request::of(&request));
        Offer::in_card(&of).misses(&Request::in_card(&requested))
    }

    #[test]
    fn reliability_and_durability_fit_as_in_ros_2() {
        let (any, best_effort) = (QosProfile::default(), QosProfile::sensor_data());
        let late = any.transient_local();
        assert_eq!(misses(any, any), None);
        assert_eq!(misses(any, best_effort), None);
        assert_eq!(misses(best_effort, best_effort), None);
        assert_eq!(misses(best_effort, any), Some(Policy::Reliability));
        assert_eq!(misses(late, late), None);
        assert_eq!(misses(late, any), None);
        assert_eq!(misses(any, late), Some(Policy::Durability));
        for offer in [any, best_effort, late] {
            assert_eq!(misses(offer, QosProfile::best_available()), None);
        }
    }

    #[test]
    fn a_deadline_must_not_be_longer_than_the_one_requested() {
        let with = |deadline| QosProfile {
            deadline,
            ..QosProfile::default()
        };
        assert_eq!(misses(with(None), with(None)), None);
        assert_eq!(misses(with(Some(SHORT)), with(None)), None);
        assert_eq!(misses(with(Some(SHORT)), with(Some(SHORT))), None);
        assert_eq!(misses(with(Some(SHORT)), with(Some(LONG))), None);
        assert_eq!(misses(with(Some(LONG)), with(Some(SHORT))), Some(Policy::Deadline));
        assert_eq!(misses(with(None), with(Some(LONG))), Some(Policy::Deadline));
    }

    #[test]
    fn liveliness_has_to_be_shown_in_the_way_and_as_often_as_requested() {
        let with = |liveliness, lease| QosProfile {
            liveliness,
            lease,
            ..QosProfile::default()
        };
        let (automatic, manual) = (Liveliness::Automatic, Liveliness::ManualByTopic);
        assert_eq!(misses(with(manual, None), with(automatic, None)), None);
        assert_eq!(
            misses(with(automatic, None), with(manual, None)),
            Some(Policy::Liveliness)
        );
        assert_eq!(misses(with(automatic, Some(SHORT)), with(automatic, Some(LONG))), None);
        assert_eq!(
            misses(with(automatic, Some(LONG)), with(automatic, Some(SHORT))),
            Some(Policy::Liveliness)
        );
        assert_eq!(
            misses(with(automatic, None), with(automatic, Some(SHORT))),
            Some(Policy::Liveliness)
        );
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for reliability in Reliability::ALL {
            assert_eq!(reliability.as_str().parse(), Ok(*reliability));
        }
        let error = "sometimes".parse::<Durability>().map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("durability is one of `volatile` `transient_local` `best_available`, found \"sometimes\"".to_owned())
        );
    }
}
