//! Genuine frames, recorded and put again: to the same subscription, to a new one of the same node, to a new node, after
//! the publisher has started again, and out of the window.
//!
//! What was published within the last second before first contact counts as live by design, so the attacker waits for
//! longer than that.

use std::time::{Duration, Instant};

use nuncio::adversary::{Adversary, Capture};
use nuncio::msgs::std_msgs::msg;
use nuncio::security::replay_window::WINDOW_LEN;
use nuncio::{Identity, Node, Publisher, TopicName};

use super::random::Random;
use super::report::Report;
use super::specimen::{NOW_NS, Stage};
use super::witness::{Witness, publish, put, roomy};
use super::{DEADLINE, ProveError, Settings, failed, late};
use crate::cli::Attack;
use crate::fabric::{Fabric, meet};

const TOPIC: &str = "/proven";
/// What the capture of an adversary can keep.
const RECORDED_MAX: u64 = 4000;
/// Longer than messages may be older than first contact.
const GRACE: Duration = Duration::from_millis(1200);

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Replay);
    out_of_the_window(&mut report)?;
    let (replay, witness) = Replay::begin(settings).await?;
    replay.play(witness, &mut report).await?;
    Ok(report)
}

/// A window's length back and further, before the verifier alone: over a link nothing can be withheld so exactly.
fn out_of_the_window(report: &mut Report) -> Result<(), ProveError> {
    let stage = Stage::new(&Identity::generate().map_err(failed("making a key"))?)?;
    let window = WINDOW_LEN as u64;
    let frame = |number| stage.ground.seal(number, NOW_NS, b"out of order");
    let open = |number| stage.ground.open(frame(number), NOW_NS);
    // Backwards within the window: each once, and never twice.
    for number in (1..=window).rev() {
        report.genuine(1, &open(number));
    }
    (1..=window).for_each(|number| report.hostile(&open(number)));
    // What was withheld until the window has moved on stays away; the lowest number inside of it still comes.
    report.genuine(1, &open(3 * window));
    (window + 1..=2 * window).for_each(|number| report.hostile(&open(number)));
    report.genuine(1, &open(2 * window + 1));
    Ok(())
}

struct Replay {
    fabric: Fabric,
    listener: Node,
    talker_key: Identity,
    talker: Node,
    publisher: Publisher<msg::String>,
    adversary: Adversary,
    topic: TopicName,
    random: Random,
    recorded: Vec<Vec<u8>>,
    sent: u64,
}

impl Replay {
    /// Records a talk that a witness has heard.
    async fn begin(settings: Settings) -> Result<(Self, Witness), ProveError> {
        let doing = "opening a node";
        let generate = || Identity::generate().map_err(failed("making a key"));
        let mut fabric = Fabric::new("prove").map_err(failed(doing))?;
        let listener = fabric
            .node("/", "listener", &generate()?)
            .await
            .map_err(failed(doing))?;
        let mut witness = Witness::new(&listener, TOPIC)?;
        let adversary = fabric.adversary().await.map_err(failed(doing))?;
        let topic = TopicName::parse(TOPIC).map_err(failed(doing))?;
        let talker_key = generate()?;
        let talker = fabric.node("/", "talker", &talker_key).await.map_err(failed(doing))?;
        meet(&talker, &listener, TOPIC).await.map_err(failed(doing))?;
        let mut replay = Self {
            fabric,
            listener,
            talker_key,
            publisher: talker
                .publisher_with(TOPIC, roomy())
                .map_err(failed("opening a publisher"))?,
            talker,
            adversary,
            topic,
            random: Random::new(settings.seed),
            recorded: Vec::new(),
            sent: 0,
        };
        replay.record(settings.n.min(RECORDED_MAX), &mut witness).await?;
        Ok((replay, witness))
    }

    async fn record(&mut self, count: u64, witness: &mut Witness) -> Result<(), ProveError> {
        let capture = self.adversary.capture(&self.topic).map_err(failed("listening in"))?;
        let publisher = &self.publisher;
        witness.settle(&self.adversary).await?;
        witness.meet(publisher, &mut self.sent).await?;
        // The recorder's ear may open later than the witness's.
        let end = Instant::now() + DEADLINE;
        while genuine(&capture).is_none() {
            if Instant::now() > end {
                return Err(late("the first recorded frame"));
            }
            publish(publisher, 1, &mut self.sent)?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        while self.recorded.len() < count as usize {
            publish(publisher, 1, &mut self.sent)?;
            if self.sent.is_multiple_of(100) {
                tokio::task::yield_now().await;
            }
            self.recorded.extend(std::iter::from_fn(|| genuine(&capture)));
        }
        witness.await_total(self.sent).await;
        tokio::time::sleep(GRACE).await;
        Ok(())
    }

    async fn play(mut self, mut witness: Witness, report: &mut Report) -> Result<(), ProveError> {
        report.genuine += self.sent;
        report.genuine_delivered += witness.seen.len() as u64;
        self.repeat("to the same subscription", &mut witness, report).await?;
        shuffle(&mut self.recorded, &mut self.random);
        self.repeat("in another order", &mut witness, report).await?;

        let mut second = Witness::new(&self.listener, TOPIC)?;
        self.repeat("to a new subscription", &mut second, report).await?;
        let generate = || Identity::generate().map_err(failed("making a key"));
        let newcomer = self
            .fabric
            .node("/", "newcomer", &generate()?)
            .await
            .map_err(failed("opening a node"))?;
        let mut third = Witness::new(&newcomer, TOPIC)?;
        self.repeat("to a new node", &mut third, report).await?;

        self.talker.close().await.map_err(failed("closing a node"))?;
        self.repeat("after the publisher was closed", &mut witness, report)
            .await?;
        let again = self.fabric.node("/", "talker", &self.talker_key).await;
        let again = again.map_err(failed("opening a node"))?;
        let publisher = again
            .publisher_with::<msg::String>(TOPIC, roomy())
            .map_err(failed("opening a publisher"))?;
        let mut sent = 0;
        for witness in [&mut witness, &mut second, &mut third] {
            // The later instance is heard, which fences the earlier one.
            witness.meet(&publisher, &mut sent).await?;
            report.genuine += 1;
            report.genuine_delivered += 1;
        }
        self.repeat("after the publisher was started again", &mut witness, report)
            .await?;
        self.repeat("to a new subscription after a restart", &mut second, report)
            .await?;
        Ok(())
    }

    /// Puts all recorded frames again before one witness.
    async fn repeat(&self, how: &str, witness: &mut Witness, report: &mut Report) -> Result<(), ProveError> {
        witness.settle(&self.adversary).await?;
        let (before, total) = (witness.stats(), witness.total());
        for frame in &self.recorded {
            put(&self.adversary, &self.topic, frame)?;
        }
        witness.settle(&self.adversary).await?;
        witness.account(&before, self.recorded.len() as u64).await;
        let delivered = witness.total() - total;
        if delivered > 0 {
            report.problem(format!(
                "{delivered} of {} frames came again {how}",
                self.recorded.len()
            ));
        }
        report.tried += self.recorded.len() as u64;
        report.delivered += delivered;
        report.refuse_since(&before, &witness.stats());
        Ok(())
    }
}

/// The next frame of the talker's, without knocks.
fn genuine(capture: &Capture) -> Option<Vec<u8>> {
    std::iter::from_fn(|| capture.try_next()).find(|frame| nuncio::security::frame::Layout::parse(frame).is_ok())
}

fn shuffle(frames: &mut [Vec<u8>], random: &mut Random) {
    for at in (1..frames.len()).rev() {
        frames.swap(at, random.below(at + 1));
    }
}
