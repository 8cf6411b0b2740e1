//! The attacker: on the same network, with keys of its own, trying one kind of attack after the other.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nuncio::adversary::{Adversary, Capture};
use nuncio::msgs::nuncio_msgs::msg::{Heartbeat, MotionCommand};
use nuncio::security::frame::Layout;
use nuncio::{Domain, Identity, Node, Publisher, Reason, TopicName, clock, time_from_ns};
use tokio::time::interval;

use super::DemoError;
use super::forgery::{self, Attack, Seen};
use super::ledger::Author;
use super::operator::Operator;
use super::robot::{Robots, profile};
use super::topic::{FORGED, Topic};
use crate::fabric::{DEADLINE, Fabric, meet};

/// One attempt of some kind every 8 ms: each kind about ten times a second.
const ATTEMPT_PERIOD: Duration = Duration::from_millis(8);
/// How long one knock may take to be answered before the next.
const KNOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Everything that the attacker has.
#[derive(Debug)]
pub(super) struct Attacker {
    domain: Domain,
    wire: Adversary,
    identity: Identity,
    ears: Vec<Ear>,
    /// A frame from before the pilot was started again.
    earlier: Vec<u8>,
    /// A node in good standing under its own name.
    intruder: Node,
    commands: Publisher<MotionCommand>,
    /// A node under the pilot's name.
    impostor: Node,
    heartbeats: Publisher<Heartbeat>,
    sent: [AtomicU64; Attack::ALL.len()],
}

/// Where the attacker listens in, and whose frames are worth having there.
#[derive(Debug)]
struct Ear {
    topic: Topic,
    author: Author,
    capture: Capture,
}

impl Attacker {
    /// Joins the network and gets to know everybody there.
    pub(super) async fn join(
        fabric: &mut Fabric,
        robots: &Robots,
        operator: &Operator,
        earlier: Vec<u8>,
    ) -> Result<Self, DemoError> {
        let generate = || Identity::generate().map_err(DemoError::Randomness);
        let identity = generate()?;
        let wire = fabric.adversary().await?;
        let mut ears = Vec::new();
        for topic in [Topic::Commands, Topic::Heartbeat, Topic::Answers] {
            ears.push(Ear {
                topic,
                author: robots.author_of(topic),
                capture: wire.capture(&topic_name(topic)?).map_err(DemoError::Link)?,
            });
        }
        let intruder = fabric.node("/", "intruder", &generate()?).await?;
        let impostor = fabric.node("/robot_1", "pilot", &generate()?).await?;
        meet(&intruder, operator.node(), Topic::Commands.name()).await?;
        meet(&impostor, operator.node(), Topic::Heartbeat.name()).await?;
        let commands = intruder.publisher_with(Topic::Commands.name(), profile());
        let heartbeats = impostor.publisher_with(Topic::Heartbeat.name(), profile());
        let attacker = Self {
            domain: fabric.domain().clone(),
            wire,
            identity,
            ears,
            earlier,
            commands: commands.map_err(DemoError::Publisher)?,
            intruder,
            heartbeats: heartbeats.map_err(DemoError::Publisher)?,
            impostor,
            sent: Default::default(),
        };
        attacker.knock(operator).await?;
        Ok(attacker)
    }

    /// Attacks until it is dropped, one kind after the other.
    pub(super) async fn run(&self) -> Result<Infallible, DemoError> {
        let mut seen = self.overhear_everybody().await?;
        let mut tick = interval(ATTEMPT_PERIOD);
        loop {
            for attack in Attack::ALL {
                tick.tick().await;
                self.overhear(&mut seen);
                self.attempt(attack, &seen)?;
            }
        }
    }

    /// How often a kind was tried.
    pub(super) fn sent(&self, attack: Attack) -> u64 {
        self.sent
            .get(attack as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Leaves the network.
    pub(super) async fn leave(&self) -> Result<(), DemoError> {
        self.wire.leave().await.map_err(DemoError::Link)?;
        for node in [&self.intruder, &self.impostor] {
            node.close().await.map_err(DemoError::Link)?;
        }
        Ok(())
    }

    fn attempt(&self, attack: Attack, seen: &Seen) -> Result<(), DemoError> {
        let sent = match attack {
            Attack::Intruder => self
                .commands
                .publish(&intruders_command())
                .map(drop)
                .map_err(DemoError::Publish),
            Attack::Impostor => self
                .heartbeats
                .publish(&impostors_heartbeat())
                .map(drop)
                .map_err(DemoError::Publish),
            _ => match forgery::bytes(attack, seen, &self.domain, &self.identity) {
                Some(bytes) => self
                    .wire
                    .put(&topic_name(attack.topic())?, &bytes)
                    .map_err(DemoError::Link),
                // A robot whose frames have no mark is not one of ours: there is nothing to forge.
                None => return Ok(()),
            },
        };
        if let Some(count) = self.sent.get(attack as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// Listens until a genuine frame of each kind has passed.
    async fn overhear_everybody(&self) -> Result<Seen, DemoError> {
        let mut seen = Seen {
            earlier: self.earlier.clone(),
            ..Seen::default()
        };
        let listen = async {
            let mut look = interval(ATTEMPT_PERIOD);
            while [&seen.command, &seen.heartbeat, &seen.answer]
                .iter()
                .any(|frame| frame.is_empty())
            {
                look.tick().await;
                self.overhear(&mut seen);
            }
        };
        let heard = tokio::time::timeout(DEADLINE, listen).await;
        heard.map(|()| seen).map_err(|_| DemoError::Silent(Topic::Answers))
    }

    /// Takes what has passed since the last time. The attacker's own frames pass here too and are left out.
    fn overhear(&self, seen: &mut Seen) {
        for ear in &self.ears {
            let place = match ear.topic {
                Topic::Heartbeat => &mut seen.heartbeat,
                Topic::Answers => &mut seen.answer,
                Topic::Commands | Topic::OtherCommands => &mut seen.command,
            };
            let frames = std::iter::from_fn(|| ear.capture.try_next());
            if let Some(latest) = frames.filter(|frame| ear.is_genuine(frame)).last() {
                *place = latest;
            }
        }
    }

    /// Puts frames of impossible versions on each topic until the operator says that it refused one: from then on
    /// everything that is put arrives, and can be counted.
    async fn knock(&self, operator: &Operator) -> Result<(), DemoError> {
        for topic in Topic::ALL {
            let mut answered = false;
            for version in 2..=u8::MAX {
                let knock = forgery::knock(version);
                self.wire.put(&topic_name(topic)?, &knock).map_err(DemoError::Link)?;
                if was_refused(operator, topic, version).await {
                    answered = true;
                    break;
                }
            }
            if !answered {
                return Err(DemoError::Unreachable(topic));
            }
        }
        Ok(())
    }
}

impl Ear {
    fn is_genuine(&self, frame: &[u8]) -> bool {
        let of_author = Layout::parse(frame).is_ok_and(|layout| {
            let header = layout.header;
            header.key == self.author.key && header.epoch == self.author.epoch && !header.replay
        });
        of_author && !forgery::is_marked_forged(frame)
    }
}

/// Whether the operator refuses the knock with this version before it takes too long.
async fn was_refused(operator: &Operator, topic: Topic, version: u8) -> bool {
    let version = format!("frame version {version},");
    let listen = async {
        while let Some(event) = operator.next_refusal().await {
            let refusal = event.refusal;
            let there = event.topic.as_str() == topic.name() && refusal.reason == Reason::UnsupportedVersion;
            if there && refusal.detail.starts_with(&version) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(KNOCK_TIMEOUT, listen).await.unwrap_or(false)
}

fn topic_name(topic: Topic) -> Result<TopicName, DemoError> {
    TopicName::parse(topic.name()).map_err(DemoError::Name)
}

fn intruders_command() -> MotionCommand {
    MotionCommand {
        stamp: time_from_ns(clock::now_ns()),
        frame_id: FORGED.to_owned(),
        mode: MotionCommand::MODE_VELOCITY,
        linear_x: 9.0,
        ..MotionCommand::default()
    }
}

fn impostors_heartbeat() -> Heartbeat {
    Heartbeat {
        stamp: time_from_ns(clock::now_ns()),
        count: 1,
        state: Heartbeat::STATE_EMERGENCY,
        text: FORGED.to_owned(),
        ..Heartbeat::default()
    }
}
