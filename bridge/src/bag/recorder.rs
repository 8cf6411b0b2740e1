//! The recorder: subscribes to what is selected, also to what comes later, and has it written.
//!
//! Only verified frames get here; what is refused is counted. The threads that receive copy a frame into the intake and go on;
//! one thread writes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio::msgs::std_srvs::srv::{Trigger, TriggerResponse};
use nuncio::{Node, PublicKey, QosProfile, ServiceServer, SubscriptionOptions, TopicName, TypeHash, Unapproved};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::bag_settings::{BagSettings, BagSummary};
use super::bag_writer::BagWriter;
use super::intake::Intake;
use super::recording::{Order, Recording, Types};
use super::ring::Ring;
use super::room::Room;
use super::selection::Selection;
use super::taking::Taking;
use super::write_error::WriteError;
use crate::type_library::TypeLibrary;

/// How many messages of a latched topic are asked for, at most.
const DEPTH: usize = 1000;

/// How a recorder works.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// The bag.
    pub settings: BagSettings,
    /// What is recorded.
    pub selection: Selection,
    /// How many bytes wait to be written, at most.
    pub queue_bytes_max: usize,
    /// Keep the last seconds in memory, and write them when told to.
    pub snapshots: Option<Snapshots>,
    /// Stop when the bag has so many bytes.
    pub bytes_max: Option<u64>,
    /// Stop when so little is left on the disk, in bytes; 0: when nothing is.
    pub bytes_free_min: u64,
    /// Begin paused.
    pub is_paused: bool,
    /// Also what is played back from a recording.
    pub accept_replay: bool,
}

/// What a snapshot has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Snapshots {
    /// How long before it.
    pub pre: Duration,
    /// How long after it.
    pub post: Duration,
    /// How many bytes are kept in memory, at most.
    pub bytes_max: usize,
}

/// What a recorder can be told, also by service: `~/pause`, `~/resume`, `~/split_bagfile`, `~/snapshot`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecorderCommand {
    /// Leave out what comes, until [`Resume`](Self::Resume).
    Pause,
    /// Go on.
    Resume,
    /// Begin the next file.
    Split,
    /// Write what is kept in memory.
    Snapshot,
}

impl RecorderCommand {
    /// All, with the names of their services.
    pub const SERVICES: [(Self, &'static str); 4] = [
        (Self::Pause, "~/pause"),
        (Self::Resume, "~/resume"),
        (Self::Split, "~/split_bagfile"),
        (Self::Snapshot, "~/snapshot"),
    ];
}

/// How a recorder is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecorderStatus {
    /// What the bag has.
    pub summary: BagSummary,
    /// How many keys have signed it.
    pub signers: u64,
    /// Topics that are recorded.
    pub topics: u64,
    /// Frames that were refused.
    pub refused: u64,
    /// Bytes that wait to be written.
    pub waiting_bytes: u64,
    /// Frames for which there was no room in memory. Their messages are counted as lost.
    pub dropped_frames: u64,
    /// Whether it is paused.
    pub is_paused: bool,
    /// What people should know.
    pub notes: Vec<String>,
}

/// How a recording has ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ended {
    /// What the bag has.
    pub summary: BagSummary,
    /// Why, if nobody had asked for it.
    pub because: Option<String>,
    /// Whether its end is sealed. If not, the disk had no room for that; what was written before is valid.
    pub is_closed: bool,
}

/// Records until it is closed.
pub struct Recorder {
    node: Node,
    library: Arc<TypeLibrary>,
    options: RecorderOptions,
    intake: Arc<Intake<Order>>,
    status: Arc<Mutex<RecorderStatus>>,
    subscriptions: BTreeMap<TopicName, nuncio::Callback>,
    /// Whose types were asked for beforehand: once each, so that nobody who is silent holds up the rest.
    asked: HashSet<(PublicKey, TypeHash)>,
    servers: Vec<(RecorderCommand, ServiceServer<Trigger>)>,
    writing: JoinHandle<Ended>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("node", self.node.name())
            .finish_non_exhaustive()
    }
}

/// Why nothing is recorded.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// The bag cannot be made.
    Write(WriteError),
    /// The system gives no randomness for the bag's id.
    Random(String),
    /// The node serves no commands.
    Service(nuncio::ServiceError),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(f),
            Self::Random(problem) => write!(f, "the system gives no randomness for the bag's id: {problem}"),
            Self::Service(error) => write!(f, "the recorder cannot be told anything: {error}"),
        }
    }
}

impl std::error::Error for RecordError {}

impl Recorder {
    /// Makes the bag and begins. [`run`](Self::run) subscribes.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when there is such a bag, or it cannot be made.
    pub fn start(node: Node, library: Arc<TypeLibrary>, options: RecorderOptions) -> Result<Self, RecordError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| RecordError::Random(error.to_string()))?;
        let writer = BagWriter::create(options.settings.clone(), id, nuncio::clock::now_ns());
        let writer = writer.map_err(RecordError::Write)?;
        let serve = |(command, name): (RecorderCommand, &str)| {
            node.service_server::<Trigger>(name).map(|server| (command, server))
        };
        let servers: Result<Vec<_>, _> = RecorderCommand::SERVICES.into_iter().map(serve).collect();
        let intake = Arc::new(Intake::new(options.queue_bytes_max));
        let status = Arc::new(Mutex::new(RecorderStatus::default()));
        let recording = Recording {
            writer,
            intake: Arc::clone(&intake),
            status: Arc::clone(&status),
            types: Types {
                node: node.clone(),
                library: Arc::clone(&library),
                runtime: tokio::runtime::Handle::current(),
                known: HashMap::new(),
                failed: HashMap::new(),
            },
            snapshots: options.snapshots,
            room: Room::new(&options),
            is_paused: options.is_paused,
            ring: Ring::default(),
            until_ns: None,
            signers: Default::default(),
        };
        Ok(Self {
            servers: servers.map_err(RecordError::Service)?,
            node,
            library,
            options,
            intake,
            status,
            subscriptions: BTreeMap::new(),
            asked: HashSet::new(),
            writing: tokio::task::spawn_blocking(move || recording.run()),
        })
    }

    /// Subscribes to what is selected and to what comes later, and serves commands, until the recording ends by itself: the disk
    /// is full, or the bag as large as it may be. Can be dropped and called again.
    pub async fn run(&mut self) {
        loop {
            let version = self.node.graph_version();
            self.subscribe().await;
            let request = next_request(&self.servers);
            tokio::select! {
                _ = self.node.graph_changed(version) => {}
                refused = self.node.next_refusal() => match refused {
                    Ok(_) => self.status_mut().refused += 1,
                    Err(_) => return,
                },
                asked = request => self.carry_out(asked),
                () = ended(&self.writing) => return,
            }
        }
    }

    /// How it is doing.
    pub fn status(&self) -> RecorderStatus {
        let topics = self.subscriptions.len() as u64;
        RecorderStatus {
            topics,
            ..self.status_mut().clone()
        }
    }

    /// The topics that are recorded.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.subscriptions.keys()
    }

    /// Tells it something. Gives what became of it.
    ///
    /// # Errors
    ///
    /// Why it cannot be, in words.
    pub async fn command(&self, command: RecorderCommand) -> Result<String, String> {
        let (reply, replied) = oneshot::channel();
        self.intake.command((command, reply));
        replied
            .await
            .unwrap_or_else(|_| Err("the recording has ended".to_owned()))
    }

    /// Takes no more, writes what is there, seals the end.
    pub async fn close(self) -> Ended {
        drop(self.subscriptions);
        self.intake.close();
        self.writing.await.unwrap_or_else(|error| Ended {
            because: Some(format!("the thread that writes has failed: {error}")),
            ..Ended::default()
        })
    }

    fn carry_out(&self, (command, request): (RecorderCommand, nuncio::IncomingRequest<Trigger>)) {
        let (reply, replied) = oneshot::channel();
        self.intake.command((command, reply));
        tokio::spawn(async move {
            let said = replied
                .await
                .unwrap_or_else(|_| Err("the recording has ended".to_owned()));
            let (success, message) = match said {
                Ok(said) => (true, said),
                Err(said) => (false, said),
            };
            // Whoever has asked may have gone.
            let _ = request.respond(&TriggerResponse { success, message });
        });
    }

    /// Subscribes to what is new.
    async fn subscribe(&mut self) {
        let topics = self.node.graph().topics();
        for (topic, found) in topics {
            let types = found.types();
            let names: Vec<&str> = types.iter().map(|(name, _)| name.as_str()).collect();
            let is_new = !found.publishers.is_empty() && !self.subscriptions.contains_key(&topic);
            if !is_new || !self.options.selection.has(&topic, &names) {
                continue;
            }
            for publisher in &found.publishers {
                let hash = TypeHash::from_bytes(publisher.facts.type_hash);
                self.learn(publisher.node.key, &publisher.facts.type_name, hash).await;
            }
            match self.subscribe_to(&topic) {
                Ok(callback) => {
                    self.subscriptions.insert(topic, callback);
                }
                Err(error) => tracing::warn!("{topic} is not recorded: {error}"),
            }
        }
    }

    /// Asks for the type before the first message has to be written.
    async fn learn(&mut self, publisher: PublicKey, name: &str, hash: TypeHash) {
        if self.library.message_with_hash(name, &hash).is_none()
            && self.asked.insert((publisher, hash))
            && let Ok(support) = self.node.fetch_type(publisher, name, &hash).await
            && let Err(error) = self.library.learn(support)
        {
            tracing::warn!("{name} {hash} cannot be recorded in CDR: {error}");
        }
    }

    fn subscribe_to(&self, topic: &TopicName) -> Result<nuncio::Callback, nuncio::SubscriberError> {
        let qos = QosProfile {
            depth: NonZeroUsize::new(DEPTH).unwrap_or(NonZeroUsize::MIN),
            ..QosProfile::best_available()
        };
        let options = SubscriptionOptions {
            accept_replay: self.options.accept_replay,
            unapproved: Unapproved::Show,
            ..SubscriptionOptions::from(qos)
        };
        let subscriber = self.node.generic_subscriber(topic.as_str(), options)?;
        let mut taking = Taking::new(self.node.clone(), topic.clone());
        let intake = Arc::clone(&self.intake);
        Ok(subscriber.on_message_in_place(move |received| {
            if let Some(frame) = taking.frame_of(&received) {
                intake.push(frame);
            }
        }))
    }

    fn status_mut(&self) -> MutexGuard<'_, RecorderStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next_request(
    servers: &[(RecorderCommand, ServiceServer<Trigger>)],
) -> (RecorderCommand, nuncio::IncomingRequest<Trigger>) {
    let waiting = servers.iter().map(|(command, server)| {
        Box::pin(async move {
            match server.recv().await {
                Ok(request) => (*command, request),
                // The node is closed: nobody asks any more.
                Err(_) => std::future::pending().await,
            }
        })
    });
    futures_util::future::select_all(waiting).await.0
}

/// Waits until the writing thread has ended by itself.
async fn ended(writing: &JoinHandle<Ended>) {
    while !writing.is_finished() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
