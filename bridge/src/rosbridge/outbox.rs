//! The outbox of a connection: everything that its client is sent goes through this bounded queue, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use axum::extract::ws::{Message, Utf8Bytes};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::op::{Level, Reply};
use super::terms::Compression;
use super::{fragments, png_text, server_op};

/// How many frames wait for the client to read them. Topics have queues of their own before this one.
const FRAMES_MAX: usize = 16;

/// The way to a client. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Message>,
    /// How serious a status has to be.
    level: Arc<AtomicU8>,
    /// Numbers messages that go in fragments, and calls.
    next_number: Arc<AtomicU64>,
}

/// The client is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (frames, waiting) = mpsc::channel(FRAMES_MAX);
        let outbox = Self {
            frames,
            level: Arc::new(AtomicU8::new(Level::default() as u8)),
            next_number: Arc::default(),
        };
        (outbox, waiting)
    }

    /// Sends a frame, as soon as there is room for it.
    pub(super) async fn send(&self, frame: Message) -> Result<(), Gone> {
        self.frames.send(frame).await.map_err(|_| Gone)
    }

    /// Sends a text, in fragments where it is longer than they may be.
    pub(super) async fn send_text(&self, text: Utf8Bytes, fragment_size: Option<usize>) -> Result<(), Gone> {
        match fragment_size {
            Some(size) if text.len() > size => {
                let id = format!("fragment:{}", self.number());
                for piece in fragments::split(&text, size, &id) {
                    self.send(Message::text(piece)).await?;
                }
                Ok(())
            }
            _ => self.send(Message::Text(text)).await,
        }
    }

    /// Sends an answer in the form that the client wants it in.
    pub(super) async fn send_reply(&self, text: String, reply: &Reply) -> Result<(), Gone> {
        let text = match reply.compression {
            Compression::Png => in_png(&text).unwrap_or(text),
            // Clients take JSON for an answer whatever they asked for.
            Compression::None | Compression::Cbor | Compression::CborRaw => text,
        };
        self.send_text(text.into(), reply.fragment_size).await
    }

    /// Tells the client something, if it wants to know.
    pub(super) async fn tell(&self, level: Level, text: &str, id: Option<&Value>) -> Result<(), Gone> {
        match self.wants(level) {
            true => self.send(Message::text(server_op::status(level, text, id))).await,
            false => Ok(()),
        }
    }

    /// As [`tell`](Self::tell), unless other frames wait: for what is no answer.
    pub(super) fn mention(&self, level: Level, text: &str) {
        if self.wants(level) {
            let _ = self
                .frames
                .try_send(Message::text(server_op::status(level, text, None)));
        }
    }

    pub(super) fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    fn wants(&self, level: Level) -> bool {
        level as u8 >= self.level.load(Ordering::Relaxed)
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until the client is gone.
    pub(super) async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// An operation as the pixels of a PNG.
pub(super) fn in_png(text: &str) -> Result<String, String> {
    Ok(json!({"op": "png", "data": png_text::encode(text)?}).to_string())
}
