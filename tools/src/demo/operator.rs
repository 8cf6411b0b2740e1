//! The operator: listens to everything that the robots publish, and counts what is delivered and what is refused.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::{Heartbeat, LlmResponse, MotionCommand};
use nuncio::{Callback, Identity, MessageId, MessageInfo, Node, Received, RefusalEvent, SubscriberError, clock};

use super::DemoError;
use super::forgery::Fate;
use super::ledger::{Ledger, LedgerReading};
use super::robot::{Robots, profile};
use super::topic::{Marked, Topic};
use crate::fabric::{DEADLINE, Fabric};

/// How many answers are kept, so that commands that follow from them can be shown with them.
const ANSWERS_KEPT: usize = 16;

/// What was refused, by topic and reason, duplicates included.
pub(super) type Fates = BTreeMap<(Topic, Fate), u64>;

/// The one who must not be deceived.
#[derive(Debug)]
pub(super) struct Operator {
    node: Node,
    watched: Vec<Watched>,
    story: Arc<Mutex<Story>>,
}

/// One topic that the operator listens to.
#[derive(Debug)]
struct Watched {
    topic: Topic,
    ledger: Arc<Ledger>,
    callback: Callback,
}

/// What led to what.
#[derive(Debug, Default)]
struct Story {
    answers: VecDeque<(MessageId, u64, String)>,
    latest: Option<Causation>,
}

/// A command and the answer that it follows from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Causation {
    /// The command's number.
    pub(super) command: u64,
    /// The answer's number.
    pub(super) answer: u64,
    /// The answer's words.
    pub(super) words: String,
}

impl Operator {
    /// Opens the node and listens to the robots.
    pub(super) async fn open(fabric: &mut Fabric, robots: &Robots) -> Result<Self, DemoError> {
        let identity = Identity::generate().map_err(DemoError::Randomness)?;
        let node = fabric.node("/", "operator", &identity).await?;
        let story = Arc::new(Mutex::new(Story::default()));
        let mut watched = Vec::new();
        for topic in Topic::ALL {
            let ledger = Arc::new(Ledger::new(robots.author_of(topic)));
            let tale = Arc::clone(&story);
            let callback = match topic {
                Topic::Commands => watch(&node, topic, &ledger, move |info, _: &MotionCommand| {
                    tell(&tale, |story| story.command(info));
                }),
                Topic::Answers => watch(&node, topic, &ledger, move |info, answer: &LlmResponse| {
                    tell(&tale, |story| story.answer(info, &answer.text));
                }),
                Topic::Heartbeat => watch(&node, topic, &ledger, |_, _: &Heartbeat| {}),
                Topic::OtherCommands => watch(&node, topic, &ledger, |_, _: &MotionCommand| {}),
            };
            watched.push(Watched {
                topic,
                ledger,
                callback: callback.map_err(DemoError::Subscriber)?,
            });
        }
        Ok(Self { node, watched, story })
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Waits until a message of every topic was delivered: from then on the first keys seen are pinned.
    pub(super) async fn hear_everybody(&self) -> Result<(), DemoError> {
        for watched in &self.watched {
            let heard = || watched.ledger.read().delivered > 0;
            if !holds_in_time(DEADLINE, heard).await {
                return Err(DemoError::Silent(watched.topic));
            }
        }
        Ok(())
    }

    /// What was delivered on each topic.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = (Topic, LedgerReading)> {
        self.watched
            .iter()
            .map(|watched| (watched.topic, watched.ledger.read()))
    }

    /// What was refused.
    pub(super) fn fates(&self) -> Fates {
        let mut fates = Fates::new();
        for watched in &self.watched {
            let stats = watched.callback.stats();
            let refused = stats
                .refused
                .into_iter()
                .map(|(reason, count)| (Fate::Refused(reason), count));
            let all = refused.chain([(Fate::Duplicate, stats.duplicates)]);
            fates.extend(
                all.filter(|(_, count)| *count > 0)
                    .map(|(fate, count)| ((watched.topic, fate), count)),
            );
        }
        fates
    }

    /// The latest command that follows from a known answer.
    pub(super) fn causation(&self) -> Option<Causation> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner).latest.clone()
    }

    /// The next refusal.
    pub(super) async fn next_refusal(&self) -> Option<RefusalEvent> {
        self.node.next_refusal().await.ok()
    }

    /// Closes the node.
    pub(super) async fn close(&self) -> Result<(), DemoError> {
        self.node.close().await.map(drop).map_err(DemoError::Link)
    }
}

impl Story {
    fn answer(&mut self, info: &MessageInfo, words: &str) {
        if self.answers.len() == ANSWERS_KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((info.id(), info.number, words.to_owned()));
    }

    fn command(&mut self, info: &MessageInfo) {
        let known = self.answers.iter().find(|(id, ..)| Some(*id) == info.cause);
        if let Some((_, answer, words)) = known {
            self.latest = Some(Causation {
                command: info.number,
                answer: *answer,
                words: words.clone(),
            });
        }
    }
}

fn tell(story: &Mutex<Story>, what: impl FnOnce(&mut Story)) {
    what(&mut story.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Enters everything that is delivered on a topic, and calls `genuine` for what is.
fn watch<M: Marked>(
    node: &Node,
    topic: Topic,
    ledger: &Arc<Ledger>,
    genuine: impl Fn(&MessageInfo, &M) + Send + 'static,
) -> Result<Callback, SubscriberError> {
    let ledger = Arc::clone(ledger);
    node.subscriber_with::<M>(topic.name(), profile())?
        .on_message(move |received: Received<M>| {
            let Received { message, info } = received;
            if ledger.enter(&info, message.mark() == topic.mark(), clock::now_ns()) {
                genuine(&info, &message);
            }
        })
}

/// Whether something holds before the time is over. Counters tell nobody that they have changed, so they are looked at.
pub(super) async fn holds_in_time(timeout: Duration, condition: impl Fn() -> bool) -> bool {
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let held = async {
        while !condition() {
            look.tick().await;
        }
    };
    tokio::time::timeout(timeout, held).await.is_ok()
}
