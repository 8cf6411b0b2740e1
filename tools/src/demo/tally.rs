//! The tally: what was sent, delivered and refused, put side by side, and the verdict that follows.

use std::collections::BTreeMap;

use nuncio::PublicKey;

use super::Scene;
use super::forgery::{Attack, Fate};
use super::ledger::LedgerReading;
use super::operator::{Causation, Fates};
use super::topic::Topic;
use crate::answers::program::{DemoAttack, DemoEnded, DemoTopic};

/// Everything that was counted up to one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) topics: Vec<TopicTally>,
    pub(super) attacks: Vec<AttackTally>,
    /// What was refused that is none of the attacks' ends.
    pub(super) unexpected: Fates,
    /// All refusals, by reason.
    refused: BTreeMap<Fate, u64>,
    /// Forged answers that the pilot took for its planner's.
    misled: u64,
    /// The latest command that can be traced to an answer.
    pub(super) causation: Option<Causation>,
}

/// One topic's numbers.
#[derive(Clone, Debug)]
pub(super) struct TopicTally {
    pub(super) topic: Topic,
    pub(super) signer: PublicKey,
    pub(super) sent: u64,
    pub(super) reading: LedgerReading,
}

/// One kind of attack's numbers.
#[derive(Clone, Debug)]
pub(super) struct AttackTally {
    pub(super) attack: Attack,
    pub(super) sent: u64,
    /// How many ended as they have to.
    pub(super) refused: u64,
}

impl Tally {
    /// Counts what there is now. What was refused before the attack began, by `before`, is left out.
    pub(super) fn of(scene: &Scene, before: &Fates) -> Self {
        let topics = scene.operator.deliveries().map(|(topic, reading)| TopicTally {
            topic,
            signer: scene.robots.author_of(topic).key,
            // Read after what was delivered, so that it is never the smaller of the two.
            sent: scene.robots.sent(topic),
            reading,
        });
        let topics = topics.collect();
        let mut fates = scene.operator.fates();
        for (place, count) in before {
            if let Some(counted) = fates.get_mut(place) {
                *counted = counted.saturating_sub(*count);
            }
        }
        let mut refused = BTreeMap::new();
        for ((_, fate), count) in fates.iter().filter(|(_, count)| **count > 0) {
            *refused.entry(*fate).or_default() += count;
        }
        let attacks = Attack::ALL.into_iter().map(|attack| AttackTally {
            attack,
            refused: fates.remove(&(attack.topic(), attack.fate())).unwrap_or_default(),
            sent: scene.attacker.sent(attack),
        });
        let attacks = attacks.collect();
        fates.retain(|_, count| *count > 0);
        Self {
            topics,
            attacks,
            unexpected: fates,
            refused,
            misled: scene.robots.misled(),
            causation: scene.operator.causation(),
        }
    }

    /// The same at the end, when nothing is on its way any more: what was published and not delivered is missing.
    pub(super) fn concluded(mut self) -> Self {
        for topic in &mut self.topics {
            topic.reading.missing = topic.sent.saturating_sub(topic.reading.delivered);
        }
        self
    }

    /// Genuine messages published.
    pub(super) fn sent(&self) -> u64 {
        self.topics.iter().map(|topic| topic.sent).sum()
    }

    /// Genuine messages delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.topics.iter().map(|topic| topic.reading.delivered).sum()
    }

    /// Genuine messages that a later number shows to be missing.
    pub(super) fn missing(&self) -> u64 {
        self.topics.iter().map(|topic| topic.reading.missing).sum()
    }

    /// Genuine messages published and not delivered; some may still be on their way.
    pub(super) fn outstanding(&self) -> u64 {
        self.sent().saturating_sub(self.delivered())
    }

    /// Forged, redirected and repeated messages sent.
    pub(super) fn forged_sent(&self) -> u64 {
        self.attacks.iter().map(|attack| attack.sent).sum()
    }

    /// Those that reached somebody.
    pub(super) fn forged_delivered(&self) -> u64 {
        self.misled + self.topics.iter().map(|topic| topic.reading.forged).sum::<u64>()
    }

    /// What was refused, and dropped as a duplicate.
    pub(super) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Whether everything has ended in some way, so that waiting changes nothing.
    pub(super) fn is_settled(&self) -> bool {
        self.outstanding() == 0 && self.refused() >= self.forged_sent()
    }

    /// What is not as it has to be at the end; empty when all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let (forged_sent, refused) = (self.forged_sent(), self.refused());
        let found = [
            (self.delivered() == 0).then(|| "nothing genuine arrived".to_owned()),
            (self.outstanding() > 0).then(|| format!("{} genuine messages were lost", self.outstanding())),
            (forged_sent == 0).then(|| "nothing was attacked".to_owned()),
            (self.forged_delivered() > 0)
                .then(|| format!("{} forged messages were delivered", self.forged_delivered())),
            (refused < forged_sent).then(|| format!("{} forged frames vanished uncounted", forged_sent - refused)),
            (refused > forged_sent).then(|| format!("{} frames too many were refused", refused - forged_sent)),
        ];
        found.into_iter().flatten().collect()
    }

    /// The numbers as JSON. The names are stable.
    pub(super) fn answer(&self) -> DemoEnded<'_> {
        let topics = self.topics.iter().map(|topic| {
            let (median_ns, slow_ns) = topic.reading.delays_ns.unzip();
            DemoTopic {
                topic: topic.topic.name(),
                type_name: topic.topic.type_name(),
                signer: topic.signer.to_string(),
                sent: topic.sent,
                delivered: topic.reading.delivered,
                lost: topic.sent.saturating_sub(topic.reading.delivered),
                latency_p50_ns: median_ns,
                latency_p99_ns: slow_ns,
            }
        });
        let attacks = self.attacks.iter().map(|tally| DemoAttack {
            attack: tally.attack.name(),
            topic: tally.attack.topic().name(),
            sent: tally.sent,
            refused: tally.refused,
            reason: tally.attack.fate().to_string(),
        });
        DemoEnded {
            delivered: self.delivered(),
            lost: self.outstanding(),
            forged_sent: self.forged_sent(),
            forged_delivered: self.forged_delivered(),
            refused: self
                .refused
                .iter()
                .map(|(fate, count)| (fate.to_string(), *count))
                .collect(),
            sent: self.sent(),
            topics: topics.collect(),
            attacks: attacks.collect(),
            ok: self.problems().is_empty(),
        }
    }
}

#[cfg(test)]
impl Tally {
    /// A tally in which all is well.
    pub(super) fn good() -> Self {
        let topics = Topic::ALL.map(|topic| TopicTally {
            topic,
            signer: nuncio::Identity::from_seed(&[1; 32]).public_key(),
            sent: 10,
            reading: LedgerReading {
                delivered: 10,
                delays_ns: Some((310_000, 1_250_000)),
                ..LedgerReading::default()
            },
        });
        let attacks = Attack::ALL.map(|attack| AttackTally {
            attack,
            sent: 2,
            refused: 2,
        });
        let bad_signatures = (Fate::Refused(nuncio::Reason::BadSignature), 24);
        Self {
            topics: topics.into(),
            attacks: attacks.into(),
            refused: BTreeMap::from([bad_signatures, (Fate::Duplicate, 2)]),
            causation: Some(Causation {
                command: 10,
                answer: 3,
                words: "the door is narrow, go slowly".to_owned(),
            }),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use nuncio::Reason;

    use super::*;

    #[test]
    fn all_is_well_only_when_every_number_fits() {
        assert_eq!(Tally::good().problems(), Vec::<String>::new());
        assert!(Tally::good().is_settled());
        type Spoil = fn(&mut Tally);
        let spoil: [(Spoil, &str); 5] = [
            (|tally| tally.topics[0].sent += 1, "1 genuine messages were lost"),
            (
                |tally| tally.topics[1].reading.forged += 1,
                "1 forged messages were delivered",
            ),
            (|tally| tally.misled += 1, "1 forged messages were delivered"),
            (|tally| tally.attacks[3].sent += 1, "1 forged frames vanished uncounted"),
            (
                |tally| *tally.refused.entry(Fate::Refused(Reason::DecodeFailed)).or_default() += 1,
                "1 frames too many were refused",
            ),
        ];
        for (spoil, problem) in spoil {
            let mut tally = Tally::good();
            spoil(&mut tally);
            assert_eq!(tally.problems(), [problem]);
        }
    }

    #[test]
    fn what_never_came_is_missing_at_the_end_although_no_later_number_says_so() {
        let mut tally = Tally::good();
        tally.topics[2].sent += 4;
        assert_eq!((tally.missing(), tally.outstanding()), (0, 4));
        assert_eq!(tally.concluded().missing(), 4);
    }

    #[test]
    fn an_empty_run_proves_nothing() {
        assert_eq!(Tally::default().problems().len(), 2);
    }

    #[test]
    fn the_json_begins_with_the_promised_keys() {
        let text = serde_json::to_string(&Tally::good().answer()).expect("it is JSON");
        let numbers = r#"{"delivered":40,"lost":0,"forged_sent":26,"forged_delivered":0,"#;
        let refused = r#""refused":{"BadSignature":24,"Duplicate":2},"#;
        assert!(text.starts_with(&format!("{numbers}{refused}")), "{text}");
    }
}
