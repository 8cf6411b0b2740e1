//! Reading a topic of ROS 2 as a subscriber of Nuncio would: only messages whose original signer is proved.
//!
//! ```text
//! sample, or proof -> inbox -> record -> shown_frames (card asked for through the bridge) -> the frame of the signer
//!                                   `-> shown_pairs -> is this CDR what was signed? -> SignedMessage
//! ```
//!
//! The reader has no link to Nuncio's nodes; what it believes and why is `nuncio::shown_frames`. What has no proof that holds is
//! counted as refused, with its reason, and never given out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nuncio::{Durability, GenericReceived, Node, QosProfile, ShownFrames, SubscriptionStats, TopicName};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::proof::SIDE_CHUNK;
use super::session::{Declared, RosSample, RosSession, SessionError};
use super::signed_reading::Reading;
use crate::bridge_type::BridgeType;
use crate::type_library::TypeLibrary;

/// How many samples and proofs wait to be looked at, and how many bytes of them.
const INBOX_MAX: usize = 4096;
const INBOX_BYTES_MAX: usize = 128 << 20;

/// How many messages wait to be taken.
const READY_MAX: usize = 256;

/// How long a start waits for its links, and how often it looks.
const LINK_PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// In what time a subscription is known to others, as a rule.
const SETTLING: Duration = Duration::from_millis(100);

/// What to read, and where.
#[derive(Clone, Debug)]
pub struct SignedReaderOptions {
    /// The Zenoh endpoints of a router of ROS 2, or of a bridge.
    pub connect: Vec<String>,
    /// `ROS_DOMAIN_ID`.
    pub ros_domain: u32,
    /// The topic, as ROS has it.
    pub topic: TopicName,
    /// The topic that its messages were signed for, where a rule of the bridge gives it another name.
    pub signed_topic: Option<TopicName>,
    /// Volatile: no messages from before.
    pub qos: QosProfile,
}

/// A message whose signer is proved.
#[derive(Clone, Debug)]
pub struct SignedMessage {
    /// The message as its signer has signed it.
    pub received: GenericReceived,
    /// Its type.
    pub ty: Arc<BridgeType>,
}

/// Reads one topic until it is dropped.
#[derive(Debug)]
pub struct SignedReader {
    frames: Arc<ShownFrames>,
    messages: mpsc::Receiver<SignedMessage>,
    heard: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
    session: Arc<RosSession>,
    ending: Arc<Notify>,
    reading: Option<JoinHandle<()>>,
    _declared: [Declared; 2],
}

impl SignedReader {
    /// Subscribes. `node` judges the signers, by its keystore and policy; it need not be linked to anybody.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when an endpoint is none.
    pub async fn open(node: &Node, library: TypeLibrary, options: SignedReaderOptions) -> Result<Self, SessionError> {
        let session = Arc::new(RosSession::open(&options.connect, &[], false).await?);
        let signed_topic = options.signed_topic.unwrap_or_else(|| options.topic.clone());
        let frames = Arc::new(node.shown_frames(signed_topic));
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let (heard, dropped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let room = Arc::new(Semaphore::new(INBOX_BYTES_MAX));
        let receive = |is_proof: bool| {
            let (sender, room) = (sender.clone(), Arc::clone(&room));
            let (heard, dropped) = (Arc::clone(&heard), Arc::clone(&dropped));
            move |sample: RosSample<'_>| {
                heard.fetch_add(1, Ordering::Relaxed);
                let taken = Arrived::new(&sample, is_proof, &room).is_some_and(|new| sender.try_send(new).is_ok());
                if !taken {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let every_type = format!("{}{}/*/*", options.ros_domain, options.topic.as_str());
        // Whoever hears a sample should have heard its proof, so the links and that subscription are there first.
        let linked = async {
            while session.neighbours().await == 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(LINK_PATIENCE, linked).await;
        let proofs = session.subscribe(
            format!("{every_type}/{SIDE_CHUNK}"),
            &QosProfile::default(),
            receive(true),
        )?;
        tokio::time::sleep(SETTLING).await;
        let declared = [proofs, session.subscribe(every_type, &options.qos, receive(false))?];
        let (out, messages) = mpsc::channel(READY_MAX);
        let ending = Arc::new(Notify::new());
        let of_ros = (
            Arc::clone(&session),
            options.ros_domain,
            options.qos.durability == Durability::Volatile,
        );
        let reading = Reading::new(node, of_ros, library, Arc::clone(&frames), out);
        Ok(Self {
            frames,
            messages,
            heard,
            dropped,
            session,
            reading: Some(tokio::spawn(reading.run(inbox, Arc::clone(&ending)))),
            ending,
            _declared: declared,
        })
    }

    /// Waits for the next message. It may be given up and called again.
    pub async fn recv(&mut self) -> Option<SignedMessage> {
        self.messages.recv().await
    }

    /// Ends reading: what waits and has a proof that does not hold is refused.
    pub async fn end(&mut self) {
        self.ending.notify_one();
        self.messages.close();
        if let Some(reading) = self.reading.take() {
            // It ends in any case, as it was told to.
            let _ = reading.await;
        }
    }

    /// What became of everything that came.
    pub fn stats(&self) -> SubscriptionStats {
        let mut stats = self.frames.stats();
        stats.dropped = self.dropped.load(Ordering::Relaxed);
        stats
    }

    /// How many samples and proofs have come, good or not.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// How many routers and peers are at the other ends of its links.
    pub async fn neighbours(&self) -> usize {
        self.session.neighbours().await
    }
}

impl Drop for SignedReader {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

/// A sample or a proof as it came.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) key: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) attachment: Vec<u8>,
    pub(crate) is_proof: bool,
    _room: OwnedSemaphorePermit,
}

impl Arrived {
    /// `None` when there is no room for it.
    fn new(sample: &RosSample<'_>, is_proof: bool, room: &Arc<Semaphore>) -> Option<Self> {
        let (payload, attachment) = (sample.payload(), sample.attachment());
        let len = u32::try_from(payload.len() + attachment.len()).ok()?;
        let room = Arc::clone(room).try_acquire_many_owned(len).ok()?;
        Some(Self {
            key: sample.key_expr().to_owned(),
            payload: payload.into_owned(),
            attachment: attachment.into_owned(),
            is_proof,
            _room: room,
        })
    }
}
