//! The thread that writes: takes frames and commands from the intake, seals each second, and ends when it is told to or when
//! there is no room.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::clock::now_ns;
use nuncio::security::frame::Layout;
use nuncio::{Node, PublicKey, TypeHash};
use tokio::sync::oneshot;

use super::bag_settings::BagSummary;
use super::bag_writer::BagWriter;
use super::intake::{Intake, Parcel};
use super::recorded_frame::RecordedFrame;
use super::recorder::{Ended, RecorderCommand, RecorderStatus, Snapshots};
use super::ring::Ring;
use super::room::Room;
use super::seal::SealEvent;
use super::write_error::WriteError;
use crate::bridge_type::BridgeType;
use crate::type_library::TypeLibrary;

/// How often it is sealed.
const SEAL_EVERY: Duration = Duration::from_secs(1);
/// How long after a type was not to be had it is asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How far ahead a publisher's clock may be before it is told: the bag would look as if it were dated back.
const CLOCK_AHEAD_NS: i64 = 30_000_000_000;

/// A command, and who waits for what became of it.
pub(super) type Order = (RecorderCommand, oneshot::Sender<Result<String, String>>);

/// What the writing thread works with.
pub(super) struct Recording {
    pub(super) writer: BagWriter,
    pub(super) intake: Arc<Intake<Order>>,
    pub(super) status: Arc<Mutex<RecorderStatus>>,
    pub(super) types: Types,
    pub(super) snapshots: Option<Snapshots>,
    pub(super) room: Room,
    pub(super) is_paused: bool,
    pub(super) ring: Ring,
    /// Until when frames are recorded after a snapshot; `None`: they go into the ring.
    pub(super) until_ns: Option<i64>,
    pub(super) signers: BTreeSet<PublicKey>,
}

/// The types of what is recorded.
pub(super) struct Types {
    pub(super) node: Node,
    pub(super) library: Arc<TypeLibrary>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) known: HashMap<TypeHash, Arc<BridgeType>>,
    pub(super) failed: HashMap<(PublicKey, TypeHash), Instant>,
}

impl Recording {
    /// Writes until the intake is closed and empty, or until there is no room.
    pub(super) fn run(mut self) -> Ended {
        let mut sealed = Instant::now();
        let failed = loop {
            let left = SEAL_EVERY.saturating_sub(sealed.elapsed());
            let done = match self.intake.take(left) {
                Ok(Some(Parcel::Frame(frame))) => self.frame(frame),
                Ok(Some(Parcel::Command(order))) => self.order(order),
                Ok(None) => Ok(()),
                Err(()) => break None,
            };
            let done = done.and_then(|()| match sealed.elapsed() >= SEAL_EVERY {
                true => {
                    sealed = Instant::now();
                    self.each_second()
                }
                false => Ok(()),
            });
            if let Err(failed) = done {
                break Some(failed);
            }
            if let Some(because) = self.room.ends(self.writer.bytes()) {
                break Some(Stop::NoRoom(because));
            }
        };
        self.end(failed)
    }

    fn each_second(&mut self) -> Result<(), Stop> {
        let now = now_ns();
        let refused = self.status().refused;
        self.writer.set_refused(refused);
        if self.until_ns.is_some_and(|until| now > until) {
            self.end_snapshot(now)?;
        } else if self.writer.has_news() {
            self.writer.seal(SealEvent::Time, now)?;
        }
        if let Some(snapshots) = &self.snapshots {
            self.ring
                .forget(now, snapshots)
                .iter()
                .for_each(|old| self.writer.skip(old));
        }
        self.writer.split_when_due(now)?;
        self.tell();
        Ok(())
    }

    fn frame(&mut self, frame: RecordedFrame) -> Result<(), Stop> {
        if self.is_paused {
            self.writer.skip(&frame);
            return Ok(());
        }
        let Some(snapshots) = self.snapshots else {
            return self.write(&frame);
        };
        match self.until_ns {
            Some(until) if frame.received_ns <= until => return self.write(&frame),
            Some(_) => self.end_snapshot(now_ns())?,
            None => {}
        }
        let gone = self.ring.push(frame, &snapshots);
        gone.iter().for_each(|old| self.writer.skip(old));
        Ok(())
    }

    fn end_snapshot(&mut self, now: i64) -> Result<(), Stop> {
        self.until_ns = None;
        Ok(self.writer.seal(SealEvent::Snapshot, now)?)
    }

    fn write(&mut self, frame: &RecordedFrame) -> Result<(), Stop> {
        let ty = self.types.of(frame);
        self.writer.record(frame, ty.as_ref())?;
        if self.signers.insert(frame.signer.key) {
            self.see_clock(frame);
        }
        Ok(())
    }

    fn see_clock(&self, frame: &RecordedFrame) {
        let Ok(layout) = Layout::parse(&frame.bytes) else {
            return;
        };
        let ahead = layout.header.first_time_ns.saturating_sub(frame.received_ns);
        if ahead > CLOCK_AHEAD_NS {
            let note = format!(
                "the clock of {} is {} s ahead of this one: set it, or the bag looks as if it were dated back",
                frame.signer.node,
                ahead / 1_000_000_000
            );
            self.status().notes.push(note);
        }
    }

    fn order(&mut self, (command, reply): Order) -> Result<(), Stop> {
        let now = now_ns();
        let mut is_known = true;
        let said = match command {
            RecorderCommand::Pause => {
                self.is_paused = true;
                self.writer.seal(SealEvent::Pause, now)?;
                "paused".to_owned()
            }
            RecorderCommand::Resume => {
                self.is_paused = false;
                self.writer.seal(SealEvent::Resume, now)?;
                "recording".to_owned()
            }
            RecorderCommand::Split => {
                self.writer.split(now)?;
                "the next file has begun".to_owned()
            }
            RecorderCommand::Snapshot => match self.snapshots {
                Some(snapshots) => {
                    let gone = self.ring.forget(now, &snapshots);
                    gone.iter().for_each(|old| self.writer.skip(old));
                    let frames = self.ring.take();
                    let count = frames.len();
                    for frame in &frames {
                        self.write(frame)?;
                    }
                    self.writer.seal(SealEvent::Snapshot, now)?;
                    let post = i64::try_from(snapshots.post.as_nanos()).unwrap_or(i64::MAX);
                    self.until_ns = Some(now.saturating_add(post)).filter(|_| post > 0);
                    format!("{count} frames written")
                }
                None => {
                    is_known = false;
                    "there is nothing in memory to write; start it with --snapshot".to_owned()
                }
            },
        };
        self.tell();
        // Whoever has asked may have gone.
        let _ = reply.send(if is_known { Ok(said) } else { Err(said) });
        Ok(())
    }

    fn end(mut self, stopped: Option<Stop>) -> Ended {
        self.intake.close();
        let dropped = self.intake.take_dropped();
        for ((topic, key, writer, epoch), last) in dropped {
            self.writer.lose_until(&topic, (key, writer, epoch), last);
        }
        self.ring.take().iter().for_each(|frame| self.writer.skip(frame));
        let refused = self.status().refused;
        self.writer.set_refused(refused);
        let summary = self.writer.summary();
        let because = stopped.map(|stopped| match stopped {
            Stop::NoRoom(because) => because,
            Stop::Failed(error) => error.to_string(),
        });
        match self.writer.close(now_ns()) {
            Ok(summary) => Ended {
                summary,
                because,
                is_closed: true,
            },
            Err(error) => Ended {
                summary,
                because: Some(because.unwrap_or_else(|| error.to_string())),
                is_closed: false,
            },
        }
    }

    fn tell(&self) {
        let (waiting_bytes, dropped_frames) = self.intake.load();
        let summary: BagSummary = self.writer.summary();
        let mut status = self.status();
        status.summary = summary;
        status.signers = self.signers.len() as u64;
        (status.waiting_bytes, status.dropped_frames) = (waiting_bytes as u64, dropped_frames);
        status.is_paused = self.is_paused;
    }

    fn status(&self) -> std::sync::MutexGuard<'_, RecorderStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why it ends.
enum Stop {
    NoRoom(String),
    Failed(WriteError),
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self::Failed(error)
    }
}

impl Types {
    /// The type of a frame's messages; `None` when nobody tells what it is.
    fn of(&mut self, frame: &RecordedFrame) -> Option<Arc<BridgeType>> {
        if let Some(known) = self.known.get(&frame.type_hash) {
            return Some(Arc::clone(known));
        }
        let (name, hash, key) = (&*frame.type_name, frame.type_hash, frame.signer.key);
        let found = self
            .library
            .message_with_hash(name, &hash)
            .or_else(|| self.ask(key, name, hash))?;
        self.known.insert(hash, Arc::clone(&found));
        Some(found)
    }

    fn ask(&mut self, key: PublicKey, name: &str, hash: TypeHash) -> Option<Arc<BridgeType>> {
        let is_recent = |when: &Instant| when.elapsed() < ASK_AGAIN_AFTER;
        if self.failed.get(&(key, hash)).is_some_and(is_recent) {
            return None;
        }
        let told = self.runtime.block_on(self.node.fetch_type(key, name, &hash));
        match told
            .map_err(|error| error.to_string())
            .and_then(|support| self.library.learn(support).map_err(|error| error.to_string()))
        {
            Ok(ty) => Some(ty),
            Err(error) => {
                tracing::warn!("{name} {hash} is recorded as it is signed, and not in CDR: {error}");
                self.failed.insert((key, hash), Instant::now());
                None
            }
        }
    }
}
