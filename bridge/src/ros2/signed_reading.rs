//! The task of a [`SignedReader`](super::signed_reader::SignedReader): brings samples, proofs and cards together, and gives out
//! what holds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::{CardQuestion, Node, NodeName, PublicKey, Reason, Refusal, Shown, ShownFrame, ShownFrames};
use tokio::sync::{Notify, mpsc};

use super::attachment::Attachment;
use super::data_key::{DataKey, RosType};
use super::describing::{Asking, described_message};
use super::proof::{FrameName, Record, SIDE_CHUNK, ShownBytes, card_key, side_key, tail};
use super::session::RosSession;
use super::shown_pairs::{PATIENCE, Sample, ShownPairs};
use super::signed_reader::{Arrived, SignedMessage};
use crate::bridge_type::BridgeType;
use crate::type_library::TypeLibrary;

/// How many frames are kept that have more messages, perhaps, and how many bytes of them; one at least.
const FRAMES_MAX: usize = 256;
const FRAME_BYTES_MAX: usize = 16 << 20;

/// How long a question for a card, or for records that are kept, may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How many answers to one for a card are looked at: two bridges may pass it on, and anybody may answer.
const CARDS_MAX: usize = 4;

/// How many records that are kept are looked at, and how long after a question they are asked for again.
const RECORDS_MAX: usize = 1024;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// How long a node whose card was not to be had is not asked again, and how many such are remembered.
const SILENT_FOR: Duration = Duration::from_secs(1);
const SILENT_MAX: usize = 256;

/// Frames that hold, the last ones.
#[derive(Debug, Default)]
struct OpenedFrames {
    frames: HashMap<FrameName, ShownFrame>,
    order: VecDeque<FrameName>,
    bytes: usize,
}

impl OpenedFrames {
    fn get(&self, name: FrameName) -> Option<ShownFrame> {
        self.frames.get(&name).cloned()
    }

    fn keep(&mut self, name: FrameName, frame: ShownFrame) {
        let len = |frame: &ShownFrame| frame.frame().frame_bytes().len();
        self.bytes += len(&frame);
        match self.frames.insert(name, frame) {
            Some(before) => self.bytes -= len(&before),
            None => self.order.push_back(name),
        }
        while self.order.len() > 1
            && (self.order.len() > FRAMES_MAX || self.bytes > FRAME_BYTES_MAX)
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.frames.remove(&oldest).as_ref().map_or(0, len);
        }
    }
}

/// What came of one proof: the frame and the number of the message in it, or why it does not hold.
type Outcome = Result<(ShownFrame, u64), Fault>;

/// Why a proof does not hold.
#[derive(Clone, Debug)]
struct Fault {
    refusal: Refusal,
    /// The frame may have come just before this reader did: nobody is to blame.
    is_from_before: bool,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            is_from_before: false,
        }
    }
}

/// The task that looks at what comes.
#[derive(Debug)]
pub(crate) struct Reading {
    session: Arc<RosSession>,
    /// The domain in Nuncio.
    domain: String,
    ros_domain: u32,
    /// Messages from before this reader came are not wanted.
    is_volatile: bool,
    library: TypeLibrary,
    frames: Arc<ShownFrames>,
    pairs: ShownPairs<Outcome, Fault>,
    /// Samples that are to be looked at, and since when they are there.
    due: VecDeque<(Instant, Sample)>,
    /// When records that are kept were last asked for.
    asked: Option<Instant>,
    opened: OpenedFrames,
    /// Nodes whose cards were not to be had, and since when.
    silent: HashMap<(PublicKey, NodeName), Instant>,
    /// What was wrong with the last proof that could not be read.
    odd: Option<&'static str>,
    started: Instant,
    out: mpsc::Sender<SignedMessage>,
}

impl Reading {
    /// Gives what holds to `out`.
    pub(crate) fn new(
        node: &Node,
        (session, ros_domain, is_volatile): (Arc<RosSession>, u32, bool),
        library: TypeLibrary,
        frames: Arc<ShownFrames>,
        out: mpsc::Sender<SignedMessage>,
    ) -> Self {
        Self {
            session,
            domain: node.domain().as_str().to_owned(),
            ros_domain,
            is_volatile,
            library,
            frames,
            pairs: ShownPairs::default(),
            due: VecDeque::new(),
            asked: None,
            opened: OpenedFrames::default(),
            silent: HashMap::new(),
            odd: None,
            started: Instant::now(),
            out,
        }
    }

    /// Looks at what comes until `ending` says that it is enough.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Arrived>, ending: Arc<Notify>) {
        loop {
            while let Some((_, why)) = self.pairs.take_overdue(Instant::now()) {
                self.refuse(why.unwrap_or_else(|| self.without_proof().into()));
            }
            let overdue = self.pairs.next_deadline();
            let overdue = async {
                match overdue {
                    Some(when) => tokio::time::sleep_until(when.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = ending.notified() => break,
                arrived = inbox.recv() => match arrived {
                    Some(arrived) => self.take_in(arrived).await,
                    None => break,
                },
                () = overdue => {}
            }
            while let Some((since, sample)) = self.due.pop_front() {
                self.look_at(sample, since).await;
            }
        }
        while let Some(why) = self.pairs.take_refused() {
            self.refuse(why);
        }
    }

    fn refuse(&self, why: Fault) {
        if !why.is_from_before {
            self.frames.refuse(why.refusal);
        }
    }

    async fn take_in(&mut self, arrived: Arrived) {
        if arrived.is_proof {
            let key = arrived
                .key
                .strip_suffix(SIDE_CHUNK)
                .and_then(|key| key.strip_suffix('/'));
            return self.take_proof(key.unwrap_or_default(), &arrived.payload).await;
        }
        let Some(attachment) = Attachment::read(&arrived.attachment) else {
            let detail = "a sample without the attachment of rmw_zenoh, and so without a proof";
            return self.frames.refuse(refusal(Reason::NotAFrame, detail.to_owned()));
        };
        if let Some(tail) = tail(&arrived.attachment) {
            self.take_proof(&arrived.key, tail).await;
        }
        let sample = Sample {
            key: arrived.key,
            tie: attachment.into(),
            cdr: arrived.payload,
        };
        self.due.push_back((Instant::now(), sample));
    }

    async fn take_proof(&mut self, key: &str, bytes: &[u8]) {
        match Record::read(bytes) {
            Ok(record) => {
                let outcome = self.judge(&record).await;
                let waiting = self.pairs.add_proof(key, record.tie, outcome, Instant::now());
                self.due.extend(waiting);
            }
            // It does not say which sample it is of: that one stays without.
            Err(problem) => self.odd = Some(problem),
        }
    }

    /// Gives a sample out if one of its proofs holds; else it waits for another.
    async fn look_at(&mut self, sample: Sample, since: Instant) {
        if self.pairs.proofs_of(&sample).is_empty() {
            self.ask_for_kept(&sample.key).await;
        }
        let mut why = None;
        for outcome in self.pairs.proofs_of(&sample) {
            match self.fit(&sample, outcome).await {
                Ok(message) => {
                    // Whoever has ended reading takes no more.
                    let _ = self.out.send(message).await;
                    return;
                }
                Err(fault) => why = Some(fault),
            }
        }
        self.pairs.wait(sample, why, since);
    }

    /// Asks for the proofs of messages from before this reader came.
    async fn ask_for_kept(&mut self, key: &str) {
        let is_asked = self.asked.is_some_and(|when| when.elapsed() < ASK_AGAIN_AFTER);
        if self.is_volatile || is_asked {
            return;
        }
        self.asked = Some(Instant::now());
        let beside = side_key(key);
        let asked = self.session.ask(&beside, Vec::new(), RECORDS_MAX, ANSWER_TIMEOUT);
        for record in asked.await.unwrap_or_default() {
            self.take_proof(key, &record).await;
        }
    }

    /// What a record is worth, whatever sample it is said to be of.
    async fn judge(&mut self, record: &Record<'_>) -> Outcome {
        if record.domain != self.domain {
            let (found, own) = (record.domain.escape_debug(), &self.domain);
            let detail = format!("signed in domain {found}, and this reader is in {own}; --domain chooses another");
            return Err(refusal(Reason::BadSignature, detail).into());
        }
        if record.topic != *self.frames.topic() {
            let (found, own) = (&record.topic, self.frames.topic());
            let detail = format!(
                "signed for {found}, read as {own}; where a bridge renames the topic, --signed-topic {found} says so"
            );
            return Err(refusal(Reason::BadSignature, detail).into());
        }
        let frame = match record.frame {
            ShownBytes::Earlier(name) => self.opened.get(name).ok_or_else(|| {
                let detail = "its frame went along with an earlier message, which has not come or was refused";
                Fault {
                    refusal: refusal(Reason::NotAFrame, detail.to_owned()),
                    is_from_before: self.started.elapsed() < PATIENCE,
                }
            }),
            ShownBytes::Here(bytes) => match FrameName::of(bytes).map(|name| (name, self.opened.get(name))) {
                Some((_, Some(known))) => Ok(known),
                Some((name, None)) => {
                    let opened = self.open(bytes, &record.node).await;
                    opened
                        .inspect(|frame| self.opened.keep(name, frame.clone()))
                        .map_err(Fault::from)
                }
                None => Err(refusal(Reason::NotAFrame, "what is shown as a frame is too short".to_owned()).into()),
            },
        };
        frame.map(|frame| (frame, record.number))
    }

    async fn open(&mut self, frame: &[u8], node: &NodeName) -> Result<ShownFrame, Refusal> {
        let question = match self.frames.open(frame, node) {
            Shown::Frame(frame) => return Ok(frame),
            Shown::Refused(refusal) => return Err(refusal),
            Shown::Asks(question) => question,
        };
        self.ask(&question).await?;
        match self.frames.open(frame, node) {
            Shown::Frame(frame) => Ok(frame),
            Shown::Refused(refusal) => Err(refusal),
            Shown::Asks(_) => {
                let detail = format!("the card of {node} names no publisher that this frame is of");
                Err(of_key(question.key(), detail))
            }
        }
    }

    /// Has a bridge pass a question for a card on, and takes in the answer.
    async fn ask(&mut self, question: &CardQuestion) -> Result<(), Refusal> {
        let whose = (question.key(), question.node().clone());
        self.silent.retain(|_, since| since.elapsed() < SILENT_FOR);
        let node = question.node();
        let nobody = || {
            of_key(
                question.key(),
                format!("nobody on this network of ROS gives the card of {node}"),
            )
        };
        if self.silent.contains_key(&whose) {
            return Err(nobody());
        }
        let key = card_key(self.ros_domain, &question.key(), node);
        let asked = self
            .session
            .ask(&key, question.nonce().to_vec(), CARDS_MAX, ANSWER_TIMEOUT);
        let mut refused = None;
        for card in asked.await.unwrap_or_default() {
            match self.frames.learn(question, &card) {
                Ok(()) => return Ok(()),
                Err(refusal) => refused = Some(refusal),
            }
        }
        if self.silent.len() < SILENT_MAX {
            self.silent.insert(whose, Instant::now());
        }
        Err(refused.unwrap_or_else(nobody))
    }

    /// Whether a sample is what the signer of a frame has signed.
    async fn fit(&self, sample: &Sample, outcome: Outcome) -> Result<SignedMessage, Fault> {
        let (shown, number) = outcome?;
        let frame = shown.frame();
        let signed = RosType::new(frame.type_name(), frame.type_hash());
        let key = DataKey::parse(&sample.key);
        if key.as_ref().map(|key| &key.ty) != Some(&signed) {
            let found = key.map_or_else(|| "no type".to_owned(), |key| key.ty.to_string());
            let detail = format!("signed as {signed}, read as {found}");
            return Err(refusal(Reason::TypeMismatch, detail).into());
        }
        let ty = self.type_of(&signed, frame.node()).await?;
        let received = self.frames.take(&shown, number, |message| {
            let signed = ty.cdr_of(message.payload()).map_err(|error| error.to_string())?;
            if signed == sample.cdr {
                return Ok(());
            }
            let same = signed.iter().zip(&sample.cdr).take_while(|(a, b)| a == b).count();
            let (came, due) = (sample.cdr.len(), signed.len());
            Err(format!(
                "the CDR that came differs from what was signed, from byte {same} on ({came} bytes came, {due} were signed)"
            ))
        })?;
        Ok(SignedMessage { received, ty })
    }

    async fn type_of(&self, ty: &RosType, node: &NodeName) -> Result<Arc<BridgeType>, Refusal> {
        if let Some(known) = ty.hash.and_then(|hash| self.library.message_with_hash(&ty.name, &hash)) {
            return Ok(known);
        }
        let asking = Asking {
            session: &self.session,
            domain: self.ros_domain,
            library: &self.library,
        };
        let described = described_message(asking, ty, std::slice::from_ref(node)).await;
        described.map_err(|error| {
            let detail =
                format!("the definition of {ty} is needed to tell what was signed: {error}; -I names its folder");
            refusal(Reason::DecodeFailed, detail)
        })
    }

    fn without_proof(&self) -> Refusal {
        let odd = self.odd.map(|problem| format!("; of another, {problem}"));
        let detail = format!(
            "a sample whose signer is not shown within {} ms{}; see that its bridge runs with --proof, and that it is of a bridge",
            PATIENCE.as_millis(),
            odd.unwrap_or_default()
        );
        refusal(Reason::NotAFrame, detail)
    }
}

fn refusal(reason: Reason, detail: String) -> Refusal {
    Refusal {
        reason,
        claimed_key: None,
        detail: detail.into(),
        evidence: None,
    }
}

fn of_key(key: PublicKey, detail: String) -> Refusal {
    Refusal {
        claimed_key: Some(key),
        ..refusal(Reason::UnknownKey, detail)
    }
}
