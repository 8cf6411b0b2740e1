//! The robots: a pilot that commands a base, a planner whose language model advises it, and the pilot of another robot.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::msgs::builtin_interfaces::msg::Time;
use nuncio::msgs::nuncio_msgs::msg::{Heartbeat, LlmResponse, MotionCommand};
use nuncio::{
    Accompaniment, Callback, Identity, MessageId, Node, PublishError, Publisher, QosProfile, Received, clock,
    time_from_ns,
};
use tokio::time::interval;

use super::DemoError;
use super::ledger::{Author, Ledger};
use super::operator::Operator;
use super::topic::{EARLIER, Marked, ROBOT_1, ROBOT_2, Topic};
use crate::fabric::{DEADLINE, Fabric, meet};

/// 100 commands per second.
const COMMAND_PERIOD: Duration = Duration::from_millis(10);
/// 20 commands per second.
const OTHER_COMMAND_PERIOD: Duration = Duration::from_millis(50);
/// 10 heartbeats per second.
const HEARTBEAT_PERIOD: Duration = Duration::from_millis(100);
/// 2 answers per second.
const ANSWER_PERIOD: Duration = Duration::from_millis(500);

/// How many messages a subscriber keeps for a reader that is late: the loss of one would be no fault of the network.
const DEPTH: usize = 1000;

/// What the planner's model answers in turn, and what the pilot makes of it: m/s forward and rad/s to the left. What is
/// not in this list moves nothing.
const MANOEUVRES: [(&str, f64, f64); 4] = [
    ("the way is free, go ahead", 0.8, 0.0),
    ("a chair ahead, keep left", 0.4, 0.5),
    ("the door is narrow, go slowly", 0.2, 0.0),
    ("the goal is on the right", 0.5, -0.5),
];

/// The profile of every publisher and subscriber here.
pub(super) fn profile() -> QosProfile {
    QosProfile::keep_last(DEPTH)
}

/// The answer that the pilot follows now.
#[derive(Clone, Debug)]
struct Advice {
    id: MessageId,
    forward: f64,
    left: f64,
}

/// All genuine nodes that publish.
#[derive(Debug)]
pub(super) struct Robots {
    pilot: Node,
    planner: Node,
    other_pilot: Node,
    commands: Publisher<MotionCommand>,
    heartbeats: Publisher<Heartbeat>,
    answers: Publisher<LlmResponse>,
    other_commands: Publisher<MotionCommand>,
    advice: Arc<Mutex<Option<Advice>>>,
    /// Answers that reached the pilot and were not the planner's.
    misled: Arc<AtomicU64>,
    _listening: Callback,
    started: Instant,
}

impl Robots {
    /// Opens the nodes. The pilot signs with `pilot_key`, which may have been in use before.
    pub(super) async fn open(fabric: &mut Fabric, pilot_key: &Identity) -> Result<Self, DemoError> {
        let generate = || Identity::generate().map_err(DemoError::Randomness);
        let pilot = fabric.node("/robot_1", "pilot", pilot_key).await?;
        let planner = fabric.node("/robot_1", "planner", &generate()?).await?;
        let other_pilot = fabric.node("/robot_2", "pilot", &generate()?).await?;

        let (advice, misled) = (Arc::default(), Arc::default());
        let listening = follow(&pilot, author(&planner), &advice, &misled)?;
        meet(&planner, &pilot, Topic::Answers.name()).await?;
        let declared = DemoError::Publisher;
        let of = |topic: Topic| topic.name();
        Ok(Self {
            commands: pilot.publisher_with(of(Topic::Commands), profile()).map_err(declared)?,
            heartbeats: pilot
                .publisher_with(of(Topic::Heartbeat), profile())
                .map_err(declared)?,
            answers: planner
                .publisher_with(of(Topic::Answers), profile())
                .map_err(declared)?,
            other_commands: other_pilot
                .publisher_with(of(Topic::OtherCommands), profile())
                .map_err(declared)?,
            pilot,
            planner,
            other_pilot,
            advice,
            misled,
            _listening: listening,
            started: Instant::now(),
        })
    }

    /// Who is genuine on a topic.
    pub(super) fn author_of(&self, topic: Topic) -> Author {
        author(self.speaker(topic))
    }

    /// Waits until all of them know that the operator listens.
    pub(super) async fn meet(&self, operator: &Operator) -> Result<(), DemoError> {
        for topic in Topic::ALL {
            meet(self.speaker(topic), operator.node(), topic.name()).await?;
        }
        Ok(())
    }

    /// Publishes until it is dropped.
    pub(super) async fn run(&self) -> Result<Infallible, DemoError> {
        let ended = tokio::try_join!(
            repeat(COMMAND_PERIOD, || self.command()),
            repeat(HEARTBEAT_PERIOD, || self.beat()),
            repeat(ANSWER_PERIOD, || self.answer()),
            repeat(OTHER_COMMAND_PERIOD, || {
                self.other_commands.publish(&command(ROBOT_2, 0.3, 0.1)).map(drop)
            }),
        );
        ended.map(|(never, ..)| never).map_err(DemoError::Publish)
    }

    /// How many messages were published on a topic.
    pub(super) fn sent(&self, topic: Topic) -> u64 {
        let stats = match topic {
            Topic::Commands => self.commands.stats(),
            Topic::Heartbeat => self.heartbeats.stats(),
            Topic::Answers => self.answers.stats(),
            Topic::OtherCommands => self.other_commands.stats(),
        };
        stats.sent
    }

    /// How many answers reached the pilot that were not the planner's.
    pub(super) fn misled(&self) -> u64 {
        self.misled.load(Ordering::Relaxed)
    }

    /// Closes the nodes.
    pub(super) async fn close(&self) -> Result<(), DemoError> {
        for node in [&self.pilot, &self.planner, &self.other_pilot] {
            node.close().await.map_err(DemoError::Link)?;
        }
        Ok(())
    }

    fn speaker(&self, topic: Topic) -> &Node {
        match topic {
            Topic::Commands | Topic::Heartbeat => &self.pilot,
            Topic::Answers => &self.planner,
            Topic::OtherCommands => &self.other_pilot,
        }
    }

    /// One command that follows the latest answer, and says so.
    fn command(&self) -> Result<(), PublishError> {
        let advice = self.advice.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let with = Accompaniment {
            cause: advice.as_ref().map(|advice| advice.id),
            origin: None,
        };
        let (forward, left) = advice.map_or((0.0, 0.0), |advice| (advice.forward, advice.left));
        self.commands
            .publish_with(&command(ROBOT_1, forward, left), with)
            .map(drop)
    }

    fn beat(&self) -> Result<(), PublishError> {
        let heartbeat = Heartbeat {
            stamp: now(),
            count: self.heartbeats.stats().sent + 1,
            state: Heartbeat::STATE_RUNNING,
            battery_percent: 87.5,
            uptime: u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX),
            text: ROBOT_1.to_owned(),
            ..Heartbeat::default()
        };
        self.heartbeats.publish(&heartbeat).map(drop)
    }

    fn answer(&self) -> Result<(), PublishError> {
        let count = self.answers.stats().sent;
        let turn = usize::try_from(count).unwrap_or_default() % MANOEUVRES.len();
        let text = MANOEUVRES.get(turn).map_or("", |(text, ..)| text);
        let answer = LlmResponse {
            stamp: now(),
            model: ROBOT_1.to_owned(),
            request_id: count.to_string(),
            text: text.to_owned(),
            confidence: 0.9,
            finish_reason: LlmResponse::FINISH_COMPLETE,
            ..LlmResponse::default()
        };
        self.answers.publish(&answer).map(drop)
    }
}

/// Publishes at a steady rate until that fails.
async fn repeat(period: Duration, publish: impl Fn() -> Result<(), PublishError>) -> Result<Infallible, PublishError> {
    let mut tick = interval(period);
    loop {
        tick.tick().await;
        publish()?;
    }
}

/// Lets the pilot follow the planner's answers.
fn follow(
    pilot: &Node,
    planner: Author,
    advice: &Arc<Mutex<Option<Advice>>>,
    misled: &Arc<AtomicU64>,
) -> Result<Callback, DemoError> {
    let (ledger, advice, misled) = (Ledger::new(planner), Arc::clone(advice), Arc::clone(misled));
    let subscriber = pilot
        .subscriber_with::<LlmResponse>(Topic::Answers.name(), profile())
        .map_err(DemoError::Subscriber)?;
    let listen = move |received: Received<LlmResponse>| {
        let Received { message, info } = received;
        if !ledger.enter(&info, message.mark() == ROBOT_1, clock::now_ns()) {
            misled.fetch_add(1, Ordering::Relaxed);
        }
        let manoeuvre = MANOEUVRES.into_iter().find(|(text, ..)| *text == message.text);
        *advice.lock().unwrap_or_else(PoisonError::into_inner) = manoeuvre.map(|(_, forward, left)| Advice {
            id: info.id(),
            forward,
            left,
        });
    };
    subscriber.on_message(listen).map_err(DemoError::Subscriber)
}

/// Publishes one command under the pilot's key and closes the node again, with somebody listening in: what a recording
/// of the network from before a restart holds. Gives the frame.
pub(super) async fn record_earlier_run(pilot_key: &Identity) -> Result<Vec<u8>, DemoError> {
    let mut fabric = super::new_fabric()?;
    let pilot = fabric.node("/robot_1", "pilot", pilot_key).await?;
    let recorder = fabric.adversary().await?;
    let commands = pilot
        .publisher_with::<MotionCommand>(Topic::Commands.name(), profile())
        .map_err(DemoError::Publisher)?;
    let capture = recorder.capture(commands.topic()).map_err(DemoError::Link)?;
    let mut tick = interval(COMMAND_PERIOD);
    let recorded = async {
        // Published again until the recorder has it: nobody says when its ear is open.
        loop {
            tick.tick().await;
            commands
                .publish(&command(EARLIER, 0.5, 0.0))
                .map_err(DemoError::Publish)?;
            if let Some(frame) = capture.try_next() {
                return Ok::<_, DemoError>(frame);
            }
        }
    };
    let frame = tokio::time::timeout(DEADLINE, recorded)
        .await
        .map_err(|_| DemoError::Silent(Topic::Commands))??;
    recorder.leave().await.map_err(DemoError::Link)?;
    pilot.close().await.map_err(DemoError::Link)?;
    Ok(frame)
}

fn author(node: &Node) -> Author {
    Author {
        key: node.public_key(),
        epoch: node.epoch(),
    }
}

fn command(mark: &str, forward: f64, left: f64) -> MotionCommand {
    MotionCommand {
        stamp: now(),
        frame_id: mark.to_owned(),
        mode: MotionCommand::MODE_VELOCITY,
        linear_x: forward,
        angular_z: left,
        ..MotionCommand::default()
    }
}

fn now() -> Time {
    time_from_ns(clock::now_ns())
}
