//! What leaves for one client. All who send to it wait in turn for its connection, so a client that does not read holds up
//! nobody but them, and what waits is bounded by the queues before them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::timeout;

use super::complaints::Complaints;
use super::wire::{BinaryMessage, JsonMessage, Level, Status};

/// How long one write may take. A client that takes longer is gone, or stopped.
const WRITE_MAX: Duration = Duration::from_secs(60);

/// The client is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// The sending side of one client. Cheap to clone.
#[derive(Clone)]
pub(super) struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Mutex<SplitSink<WebSocket, Message>>,
    is_gone: AtomicBool,
    gone: Notify,
    complaints: std::sync::Mutex<Complaints>,
}

impl Outbox {
    pub(super) fn new(sink: SplitSink<WebSocket, Message>) -> Self {
        Self {
            shared: Arc::new(Shared {
                sink: Mutex::new(sink),
                is_gone: AtomicBool::new(false),
                gone: Notify::new(),
                complaints: std::sync::Mutex::default(),
            }),
        }
    }

    /// Waits until the client does not take what is sent to it. One may wait.
    pub(super) async fn gone(&self) {
        self.shared.gone.notified().await;
    }

    /// The connection, for several messages in one write.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn {
            sink: self.shared.sink.lock().await,
            shared: &self.shared,
        }
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Gone> {
        let mut turn = self.turn().await;
        turn.add(message).await?;
        turn.finish().await
    }

    pub(super) async fn json(&self, message: &impl JsonMessage) -> Result<(), Gone> {
        self.send(Message::Text(message.to_string().into())).await
    }

    pub(super) async fn binary<'a>(&self, message: &impl BinaryMessage<'a>) -> Result<(), Gone> {
        self.send(Message::Binary(message.to_bytes().into())).await
    }

    /// Says something to the viewer's user. A later status of the same id replaces it there.
    pub(super) async fn status(&self, level: Level, text: &str, id: Option<&str>) -> Result<(), Gone> {
        let status = Status::new(level, text);
        let status = match id {
            Some(id) => status.with_id(id),
            None => status,
        };
        self.json(&status).await
    }

    /// Says that something is wrong, the same once a second. The viewer shows the last one of each thing.
    pub(super) async fn complain(&self, level: Level, thing: &str, text: &str) -> Result<(), Gone> {
        let due = {
            let mut complaints = self.shared.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            complaints.due(text, Instant::now())
        };
        match due {
            Some(text) => self.status(level, &text, Some(&format!("nuncio: {thing}"))).await,
            None => Ok(()),
        }
    }

    pub(super) async fn close(&self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = self.send(Message::Close(Some(frame))).await;
    }
}

/// The right to write to the client.
pub(super) struct Turn<'a> {
    sink: MutexGuard<'a, SplitSink<WebSocket, Message>>,
    shared: &'a Shared,
}

impl Turn<'_> {
    /// Takes one message; it has left for certain after [`finish`](Self::finish).
    pub(super) async fn add(&mut self, message: Message) -> Result<(), Gone> {
        let done = timeout(WRITE_MAX, self.sink.feed(message)).await;
        self.shared.check(matches!(done, Ok(Ok(()))))
    }

    pub(super) async fn finish(mut self) -> Result<(), Gone> {
        let done = timeout(WRITE_MAX, self.sink.flush()).await;
        self.shared.check(matches!(done, Ok(Ok(()))))
    }
}

impl Shared {
    fn check(&self, is_written: bool) -> Result<(), Gone> {
        if !is_written {
            self.is_gone.store(true, Ordering::Relaxed);
            self.gone.notify_one();
        }
        match self.is_gone.load(Ordering::Relaxed) {
            true => Err(Gone),
            false => Ok(()),
        }
    }
}
