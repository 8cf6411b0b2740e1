//! The journal keeper: the thread of one durable publisher. It puts signed frames on the disk before the link gets them, asks
//! the publisher's readers what they have acknowledged, and lets the journal forget that.
//!
//! Frames that were signed while the disk was busy are written and synced together.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use event_listener::Event;

use crate::acknowledgement::ReaderOutcome;
use crate::durable_options::{DurableOptions, Reader, SyncWrites};
use crate::inquiry::Inquiries;
use crate::journal::{Journal, JournalError};
use crate::link::Bytes;
use crate::matching;
use crate::node::NodeCore;
use crate::outbox::{Outbox, SealedFrame};
use crate::security::missing::{Missing, StreamId};
use crate::signing_desk::SigningDesk;

/// How long a question to a reader waits for an answer at most, and how long a reader that has not got on is left alone.
const READER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a reader is left alone that did not answer.
const READER_PAUSE: Duration = Duration::from_millis(250);
/// What wakes the thread; one note of each kind is enough.
const NOTES_MAX: usize = 4;

/// What a durable publisher, its outbox and its thread share.
#[derive(Debug)]
pub(crate) struct JournalKeeper {
    options: DurableOptions,
    /// Held while it is written and synced. None after the end.
    journal: Mutex<Option<Journal>>,
    state: Mutex<State>,
    /// Everything up to this number is on the disk.
    kept: AtomicU64,
    /// The lowest number that is on the disk.
    first: AtomicU64,
    waiting_bytes: AtomicU64,
    since_epoch: u64,
    /// Something is on the disk, or can never be.
    pub(crate) changed: Event,
    wake: SyncSender<()>,
    notes: Mutex<Option<Receiver<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    inquiries: Mutex<Weak<Inquiries>>,
}

#[derive(Debug, Default)]
struct State {
    errands: VecDeque<Errand>,
    readers: Vec<ReaderState>,
    failure: Option<Arc<JournalError>>,
    closed: bool,
}

/// Signed frames of the publisher's outbox, in order.
#[derive(Debug)]
struct Errand {
    outbox: Arc<Outbox>,
    desk: Arc<SigningDesk>,
    frames: Vec<SealedFrame>,
}

#[derive(Debug)]
struct ReaderState {
    acknowledged: u64,
    is_asked: bool,
    /// When it may be asked again.
    due: Instant,
}

impl JournalKeeper {
    pub(crate) fn new(options: DurableOptions, journal: Journal) -> Arc<Self> {
        let (wake, notes) = sync_channel(NOTES_MAX);
        let reader = |_: &Reader| ReaderState {
            acknowledged: journal.acknowledged(),
            is_asked: false,
            due: Instant::now(),
        };
        let state = State {
            readers: options.readers.iter().map(reader).collect(),
            ..State::default()
        };
        Arc::new(Self {
            kept: AtomicU64::new(journal.next_number() - 1),
            first: AtomicU64::new(journal.first_number()),
            waiting_bytes: AtomicU64::new(journal.waiting_bytes()),
            since_epoch: journal.since_epoch(),
            journal: Mutex::new(Some(journal)),
            options,
            state: Mutex::new(state),
            changed: Event::new(),
            wake,
            notes: Mutex::new(Some(notes)),
            thread: Mutex::default(),
            inquiries: Mutex::default(),
        })
    }

    /// Starts the thread, which ends when the publisher is dropped or the node is gone.
    pub(crate) fn start(self: &Arc<Self>, node: &Arc<NodeCore>, inquiries: &Arc<Inquiries>) -> std::io::Result<()> {
        *lock(&self.inquiries) = Arc::downgrade(inquiries);
        let Some(notes) = lock(&self.notes).take() else {
            return Ok(());
        };
        let (keeper, weak) = (Arc::clone(self), Arc::downgrade(node));
        let thread = thread::Builder::new().name(format!("keep{}", node.name));
        let work = move || {
            keeper.work(&weak, &notes);
            if let Some(mut journal) = lock(&keeper.journal).take() {
                // What cannot be removed now is removed the next time.
                let _ = journal.tidy();
            }
        };
        *lock(&self.thread) = Some(thread.spawn(work)?);
        Ok(())
    }

    /// Takes signed frames to the disk and then to the link.
    pub(crate) fn take(&self, outbox: Arc<Outbox>, desk: Arc<SigningDesk>, frames: Vec<SealedFrame>) {
        lock(&self.state).errands.push_back(Errand { outbox, desk, frames });
        self.wake();
    }

    /// Why nothing can be published any more, if so.
    pub(crate) fn failure(&self) -> Option<Arc<JournalError>> {
        lock(&self.state).failure.clone()
    }

    /// How many bytes wait for acknowledgement, and how many may.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.waiting_bytes.load(Ordering::Acquire), self.options.bytes_max)
    }

    /// Everything up to this number is on the disk.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Whether each message has a frame and a sync of its own.
    pub(crate) fn syncs_each(&self) -> bool {
        self.options.sync == SyncWrites::EachMessage
    }

    /// Each reader, and the number up to which it has acknowledged everything.
    pub(crate) fn readers(&self) -> Vec<(Reader, u64)> {
        let state = lock(&self.state);
        let acknowledged = state.readers.iter().map(|reader| reader.acknowledged);
        self.options.readers.iter().cloned().zip(acknowledged).collect()
    }

    /// What the card says: since which epoch there is a journal, and the lowest number in it.
    pub(crate) fn offer(&self) -> (u64, u64) {
        (self.since_epoch, self.first.load(Ordering::Acquire))
    }

    /// The frames with at least one of these numbers, as many as fit into an answer.
    pub(crate) fn read(&self, first: u64, last: u64) -> Result<Vec<Bytes>, JournalError> {
        lock(&self.journal)
            .as_ref()
            .map_or(Ok(Vec::new()), |journal| journal.read(first, last))
    }

    /// Ends the thread when everything is on the disk, and lets go of the journal.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.wake();
        let thread = lock(&self.thread).take();
        // A thread that has panicked has let go of the journal, too.
        drop(thread.map(JoinHandle::join));
    }

    fn wake(&self) {
        // One that finds no room finds notes that wake the thread as well.
        let _ = self.wake.try_send(());
    }

    fn work(self: &Arc<Self>, node: &Weak<NodeCore>, notes: &Receiver<()>) {
        loop {
            let errands = std::mem::take(&mut lock(&self.state).errands);
            if !errands.is_empty() {
                self.keep(errands);
                continue;
            }
            if lock(&self.state).closed {
                return;
            }
            let next = node.upgrade().and_then(|node| self.ask_readers(&node));
            let waited = match next.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(left) => notes.recv_timeout(left),
                None => notes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if waited == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Writes and syncs frames, tells those who wait for that, and hands the frames to the link.
    fn keep(&self, errands: VecDeque<Errand>) {
        let all: Vec<Bytes> = errands
            .iter()
            .flat_map(|errand| &errand.frames)
            .map(|frame| frame.bytes.contiguous())
            .collect();
        let step = if self.syncs_each() { 1 } else { all.len().max(1) };
        let kept = {
            let mut journal = lock(&self.journal);
            all.chunks(step).try_for_each(|frames| {
                let Some(journal) = journal.as_mut() else { return Ok(()) };
                journal.append(frames)?;
                self.note(journal);
                self.changed.notify(usize::MAX);
                Ok(())
            })
        };
        if let Err(error) = kept {
            lock(&self.state).failure.get_or_insert(Arc::new(error));
            self.changed.notify(usize::MAX);
        }
        let kept = self.kept();
        for Errand { outbox, desk, frames } in errands {
            for frame in frames {
                // What is not on the disk never leaves: its numbers are given again.
                if frame.first_number <= kept {
                    let _ = outbox.send(frame);
                }
            }
            outbox.finish(&desk);
        }
    }

    /// What others ask of the journal while it is busy.
    fn note(&self, journal: &Journal) {
        self.kept.store(journal.next_number() - 1, Ordering::Release);
        self.first.store(journal.first_number(), Ordering::Release);
        self.waiting_bytes.store(journal.waiting_bytes(), Ordering::Release);
    }

    /// Asks readers that are there and have not acknowledged everything. Gives when one may be asked again.
    fn ask_readers(self: &Arc<Self>, node: &Arc<NodeCore>) -> Option<Instant> {
        let inquiries = lock(&self.inquiries).upgrade()?;
        let kept = self.kept();
        let now = Instant::now();
        let behind: Vec<(usize, u64)> = {
            let state = lock(&self.state);
            let readers = state.readers.iter().enumerate();
            let behind =
                readers.filter(|(_, reader)| reader.acknowledged < kept && !reader.is_asked && reader.due <= now);
            behind.map(|(index, reader)| (index, reader.acknowledged + 1)).collect()
        };
        if !behind.is_empty() {
            let facts = inquiries.facts();
            let matched = matching::lock(&facts.matches).readers();
            let stream = StreamId {
                key: node.public_key(),
                writer: facts.writer,
                epoch: node.epoch,
            };
            for (index, first) in behind {
                let is_reader = |of: &crate::event::Counterpart| match self.options.readers.get(index) {
                    Some(Reader::Key(key)) => of.key == *key,
                    Some(Reader::Node(name)) => of.node == *name,
                    None => false,
                };
                let peer = matched
                    .iter()
                    .filter(|(of, _)| is_reader(of))
                    .find_map(|(of, epoch)| node.peers.node(of.key, &of.node).filter(|peer| peer.epoch() == *epoch));
                if let Some(reader) = lock(&self.state).readers.get_mut(index) {
                    (reader.is_asked, reader.due) = (peer.is_some(), now + READER_PAUSE);
                }
                if let Some(peer) = peer {
                    let weak = Arc::downgrade(self);
                    let told = move |outcome: ReaderOutcome| {
                        if let Some(keeper) = weak.upgrade() {
                            keeper.hear(index, first, &outcome);
                        }
                    };
                    let numbers = Missing {
                        stream,
                        first,
                        last: kept,
                    };
                    inquiries.ask(&peer, numbers, now + READER_PATIENCE, told);
                }
            }
        }
        let state = lock(&self.state);
        let waiting = state
            .readers
            .iter()
            .filter(|reader| reader.acknowledged < kept && !reader.is_asked);
        waiting.map(|reader| reader.due).min()
    }

    /// A reader has answered, or not.
    fn hear(&self, index: usize, first: u64, outcome: &ReaderOutcome) {
        let receipt = match outcome {
            ReaderOutcome::Accepted(receipt) | ReaderOutcome::NotYet(receipt) | ReaderOutcome::Refused(receipt) => {
                Some(receipt)
            }
            _ => None,
        };
        let through = receipt.and_then(|receipt| {
            let mut accepted = receipt.accepted();
            accepted
                .find(|(from, last)| *from <= first && first <= *last)
                .map(|(_, last)| last)
        });
        let all = {
            let mut state = lock(&self.state);
            if let Some(reader) = state.readers.get_mut(index) {
                reader.is_asked = false;
                if let Some(through) = through {
                    (reader.acknowledged, reader.due) = (reader.acknowledged.max(through), Instant::now());
                }
            }
            state.readers.iter().map(|reader| reader.acknowledged).min()
        };
        if through.is_some()
            && let Some(all) = all
        {
            if let Some(journal) = lock(&self.journal).as_mut() {
                // A file that cannot be removed is tried again with the next.
                let _ = journal.acknowledge(all);
                self.note(journal);
            }
            self.changed.notify(usize::MAX);
        }
        self.wake();
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
